import Glibc
import HTTP
import Testing

extension LimitProbe {
    static func time(_ limit: HTTPLimit) -> LimitProbe {
        switch limit {
        case .bodyIdleTimeout:
            LimitProbe(
                { $0.bodyIdleTimeout = .milliseconds(500) }, fits: echo("hello"),
                exceeds: "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhell", status: 408)
        case .bodyRate:
            LimitProbe(
                {
                    $0.bodyRateGrace = .milliseconds(300)
                    $0.bodyBytesPerSecondMin = 1_000
                },
                fits: { scene in
                    let client = try scene.client()
                    try client.send(
                        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\n\(a(9_999))")
                    sleep(milliseconds: 400)
                    try client.send("a")
                    #expect(try client.response().status == 200)
                },
                exceeds: { scene in
                    let client = try scene.client()
                    try client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\naa")
                    sleep(milliseconds: 400)
                    try client.send("a")
                    #expect(try client.response().status == 408)
                })
        case .writeStallTimeout:
            LimitProbe(
                { $0.writeStallTimeout = .milliseconds(500) }, fits: hello,
                exceeds: { scene in
                    let client = try scene.client(receiveBuffer: 65_536)
                    try client.send(get("/flood"))
                    #expect(scene.notes.wait(for: "flood closed", seconds: 20))
                })
        case .keepAliveTimeout:
            LimitProbe(
                { $0.keepAliveTimeout = .milliseconds(500) },
                fits: { scene in
                    let client = try scene.client()
                    for _ in 0..<2 {
                        try client.send(get("/hello"))
                        #expect(try client.response().status == 200)
                    }
                    try client.send(get("/hello", "Connection: close\r\n"))
                    #expect(try client.response().status == 200)
                    #expect(client.meetsEnd())
                },
                exceeds: { scene in
                    let client = try scene.client()
                    try client.send(get("/hello"))
                    #expect(try client.response().status == 200)
                    #expect(client.meetsEnd())
                })
        case .lingerTimeout:
            LimitProbe(
                { $0.lingerTimeout = .milliseconds(500) },
                fits: { scene in
                    try refused(scene).shutDownOutput()
                },
                exceeds: { scene in
                    let client = try refused(scene)
                    for _ in 0..<400 where scene.server.counters.snapshot.connectionsActive > 0 {
                        sleep(milliseconds: 5)
                    }
                    withExtendedLifetime(client) {}
                })
        case .halfCloseGrace:
            LimitProbe(
                { $0.halfCloseGrace = .seconds(1) },
                fits: { scene in
                    let client = try scene.client()
                    try client.send(get("/slow"))
                    client.shutDownOutput()
                    #expect(try client.response().body == "slow")
                },
                exceeds: { scene in
                    let client = try scene.client()
                    try client.send(get("/never"))
                    #expect(scene.notes.wait(for: "never begun"))
                    sleep(milliseconds: 1_300)
                    client.shutDownOutput()
                    #expect(scene.notes.wait(for: "never closed"))
                })
        case .drainTimeout:
            LimitProbe(
                { $0.drainTimeout = .milliseconds(300) }, fits: hello,
                exceeds: { scene in
                    let client = try scene.client()
                    try client.send(get("/never"))
                    #expect(scene.notes.wait(for: "never begun"))
                    Task { await scene.server.stop() }
                    #expect(try client.response().status == 503)
                })
        default:
            LimitProbe(
                { $0.headerTimeout = .milliseconds(500) }, fits: get("/hello"), exceeds: "GET / HTT",
                status: 408)
        }
    }
}
