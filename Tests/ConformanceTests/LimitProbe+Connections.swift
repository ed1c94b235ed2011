import Glibc
import HTTP
import Testing

extension LimitProbe {
    static func connection(_ limit: HTTPLimit) -> LimitProbe {
        switch limit {
        case .lingerBytes:
            LimitProbe(
                { $0.lingerBytesMax = 1_000 },
                fits: { scene in
                    let client = try refused(scene)
                    try client.send(a(1_000))
                    client.shutDownOutput()
                },
                exceeds: { scene in
                    let client = try refused(scene)
                    try client.send(a(1_001))
                    for _ in 0..<400 where scene.server.counters.snapshot.connectionsActive > 0 {
                        sleep(milliseconds: 5)
                    }
                    withExtendedLifetime(client) {}
                })
        case .requestsPerConnection:
            LimitProbe(
                { $0.requestsPerConnectionMax = 2 },
                fits: { scene in
                    let client = try scene.client()
                    try client.send(get("/hello"))
                    #expect(try client.response()["connection"] == nil)
                },
                exceeds: { scene in
                    let client = try scene.client()
                    try client.send(get("/hello") + get("/hello") + get("/hello"))
                    #expect(try client.response()["connection"] == nil)
                    #expect(try client.response()["connection"] == "close")
                    #expect(client.meetsEnd())
                })
        case .outboundBytes:
            LimitProbe(
                { $0.outboundBytesMax = 1 << 20 }, fits: hello,
                exceeds: { scene in
                    let client = try scene.client(receiveBuffer: 65_536)
                    try client.send(get("/deluge"))
                    #expect(scene.notes.wait(for: "end /deluge 200 false", seconds: 20))
                })
        case .connections:
            LimitProbe(
                {
                    $0.connectionsMax = 2
                    $0.evictionAge = .seconds(60)
                },
                fits: { scene in
                    let first = try scene.client()
                    try hello(scene)
                    try first.send(get("/hello"))
                    #expect(try first.response().status == 200)
                },
                exceeds: { scene in
                    let others = try [scene.client(), scene.client()]
                    for other in others {
                        try other.send(get("/hello"))
                        #expect(try other.response().status == 200)
                    }
                    let third = try scene.client()
                    try third.send(get("/hello"))
                    let response = try third.response()
                    #expect(response.status == 503)
                    #expect(response["retry-after"] == "1")
                    #expect(response["connection"] == "close")
                    #expect(third.meetsEnd())
                    withExtendedLifetime(others) {}
                })
        case .connectionsReserve:
            LimitProbe(
                {
                    $0.connectionsMax = 1
                    $0.connectionsReserve = 1
                    $0.evictionAge = .seconds(60)
                }, fits: { try oneMore($0, waits: false) },
                exceeds: { try oneMore($0, waits: true) })
        case .pipelinedBytes:
            LimitProbe(
                { $0.pipelinedBytesMax = 40 },
                fits: { scene in
                    let client = try scene.client()
                    try client.send(get("/slow") + get("/models/" + a(5)))
                    #expect(try client.response().body == "slow")
                    #expect(try client.response().body == a(5))
                },
                exceeds: { scene in
                    let client = try scene.client()
                    try client.send(get("/slow") + get("/models/" + a(6)))
                    #expect(try client.response().body == "slow")
                    #expect(try client.response().body == a(6))
                })
        case .requestsPerTurn:
            LimitProbe(
                { $0.requestsPerTurnMax = 4 },
                fits: { scene in
                    let client = try scene.client()
                    try client.send(String(repeating: get("/health"), count: 4))
                    for _ in 0..<4 { #expect(try client.response().status == 200) }
                },
                exceeds: { scene in
                    let client = try scene.client()
                    try client.send(String(repeating: get("/health"), count: 5))
                    for _ in 0..<5 { #expect(try client.response().status == 200) }
                })
        default:
            LimitProbe(
                { $0.outboundHighWaterBytes = 65_536 }, fits: { try pour(65_535, $0) },
                exceeds: { try pour(65_536, $0) })
        }
    }

    /// A stream whose body is handed over in one piece.
    private static func pour(_ count: Int, _ scene: Scene) throws {
        let client = try scene.client()
        try client.send(get("/pour/\(count)", "Connection: close\r\n"))
        #expect(try client.receiveToEnd().count(of: "x") > count - 1)
    }

    /// The only place and the only one of the reserve are taken; another client comes, or none.
    private static func oneMore(_ scene: Scene, waits: Bool) throws {
        let first = try scene.client()
        try first.send(get("/hello"))
        #expect(try first.response().status == 200)
        let second = try scene.client()
        for _ in 0..<400 where scene.server.counters.snapshot.connectionsActive < 2 { sleep(milliseconds: 5) }
        guard waits else { return }
        let third = try scene.client()
        try third.send(get("/health"))
        let name = HTTPLimit.connectionsReserve.name
        for _ in 0..<400 where scene.server.counters.snapshot.limitsReached[name] == 0 {
            sleep(milliseconds: 5)
        }
        // Served once the one before it has been, and is gone.
        try second.send(get("/health"))
        for client in [second, third] {
            #expect(try client.response()["connection"] == "close")
            #expect(client.meetsEnd())
            client.shutDownOutput()
        }
        withExtendedLifetime(first) {}
    }
}
