import Glibc
import HTTP
import Testing

/// How one limit is tried: the limits of a server, something that just keeps to it, and something that does not.
struct LimitProbe {
    struct Scene {
        let port: UInt16
        let server: HTTPServer
        let notes: Notes

        func client(receiveBuffer: Int32? = nil) throws -> RawClient {
            try RawClient(port: port, receiveBuffer: receiveBuffer)
        }
    }

    var limits = HTTPLimits()
    let fits: @Sendable (Scene) throws -> Void
    /// Ends after the limit was reached once.
    let exceeds: @Sendable (Scene) throws -> Void

    init(
        _ set: (inout HTTPLimits) -> Void, fits: @escaping @Sendable (Scene) throws -> Void,
        exceeds: @escaping @Sendable (Scene) throws -> Void
    ) {
        set(&limits)
        self.fits = fits
        self.exceeds = exceeds
    }

    /// Bytes that are answered 200, and bytes that are answered with another status and the connection's end.
    init(
        _ set: (inout HTTPLimits) -> Void, fits: String, exceeds: String, status: Int
    ) {
        self.init(
            set,
            fits: { scene in
                let client = try scene.client()
                try client.send(fits)
                #expect(try client.response().status == 200)
            },
            exceeds: { scene in
                let client = try scene.client()
                try client.send(exceeds)
                let response = try client.response()
                #expect(response.status == status)
                #expect(response["connection"] == "close")
                #expect(client.meetsEnd())
            })
    }

    // MARK: - The probes

    static func get(_ path: String, _ fields: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: h\r\n\(fields)\r\n"
    }
    static func a(_ count: Int) -> String { String(repeating: "a", count: count) }
    static func echo(_ body: String) -> String {
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }
    private static func chunked(_ body: String) -> String {
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\(body)"
    }
    static func sleep(milliseconds: UInt32) { usleep(milliseconds * 1_000) }

    /// A request that is refused, up to the end of what the server has to say; it lingers now.
    static func refused(_ scene: Scene) throws -> RawClient {
        let client = try scene.client()
        try client.send("GET / HTTP/1.1\r\n\r\n")
        #expect(try client.response().status == 400)
        #expect(client.meetsEnd())
        return client
    }

    static func hello(_ scene: Scene) throws {
        let client = try scene.client()
        try client.send(get("/hello"))
        #expect(try client.response().body == "hello")
    }

    static func of(_ limit: HTTPLimit) -> LimitProbe {
        switch limit {
        case .requestLineBytes, .methodBytes, .leadingEmptyLines, .fieldLineBytes, .headerBytes, .fieldCount,
            .requestIDBytes:
            head(limit)
        case .bodyBytes, .chunkLineBytes, .chunkExtensionBytes, .chunkMeanBytes, .trailerBytes, .trailerCount:
            body(limit)
        case .headerTimeout, .bodyIdleTimeout, .bodyRate, .writeStallTimeout, .keepAliveTimeout,
            .lingerTimeout,
            .halfCloseGrace, .drainTimeout:
            time(limit)
        case .lingerBytes, .requestsPerConnection, .outboundBytes, .connections, .connectionsReserve,
            .pipelinedBytes, .requestsPerTurn, .outboundHighWater:
            connection(limit)
        }
    }

    private static func head(_ limit: HTTPLimit) -> LimitProbe {
        switch limit {
        case .methodBytes:
            LimitProbe(
                { $0.methodBytesMax = 3 }, fits: get("/hello"), exceeds: "POST /hello HTTP/1.1\r\n",
                status: 400)
        case .leadingEmptyLines:
            LimitProbe(
                { $0.leadingEmptyLinesMax = 3 }, fits: "\r\n\r\n\r\n" + get("/hello"),
                exceeds: "\r\n\r\n\r\n\r\n",
                status: 400)
        case .fieldLineBytes:
            LimitProbe(
                { $0.fieldLineBytesMax = 20 }, fits: get("/hello", "X: \(a(17))\r\n"),
                exceeds: "GET /hello HTTP/1.1\r\nHost: h\r\nX: \(a(18))", status: 431)
        case .headerBytes:
            LimitProbe(
                { $0.headerBytesMax = 27 }, fits: get("/hello", "X: \(a(17))\r\n"),
                exceeds: "GET /hello HTTP/1.1\r\nHost: h\r\nX: \(a(18))", status: 431)
        case .fieldCount:
            LimitProbe(
                { $0.fieldCountMax = 2 }, fits: get("/hello", "X: a\r\n"),
                exceeds: "GET /hello HTTP/1.1\r\nHost: h\r\nX: a\r\nY: b\r\n", status: 431)
        case .requestIDBytes:
            LimitProbe(
                { $0.requestIDBytesMax = 8 },
                fits: { scene in
                    let client = try scene.client()
                    try client.send(get("/hello", "X-Request-ID: 12345678\r\n"))
                    #expect(try client.response()["x-request-id"] == "12345678")
                },
                exceeds: { scene in
                    let client = try scene.client()
                    try client.send(get("/hello", "X-Request-ID: 123456789\r\n"))
                    #expect(try client.response()["x-request-id"]?.utf8.count == 32)
                })
        default:
            LimitProbe(
                { $0.requestLineBytesMax = 40 }, fits: get("/models/" + a(19)),
                exceeds: "GET /models/\(a(29))",
                status: 414)
        }
    }

    private static func body(_ limit: HTTPLimit) -> LimitProbe {
        switch limit {
        case .chunkLineBytes:
            LimitProbe(
                { $0.chunkLineBytesMax = 16 }, fits: chunked("5;\(a(14))\r\nhello\r\n0\r\n\r\n"),
                exceeds: chunked("5;\(a(15))"), status: 400)
        case .chunkExtensionBytes:
            LimitProbe(
                { $0.chunkExtensionBytesMax = 4 }, fits: chunked("1;a\r\nx\r\n1;b\r\nx\r\n0\r\n\r\n"),
                exceeds: chunked("1;a\r\nx\r\n1;bc\r\n"), status: 400)
        case .chunkMeanBytes:
            LimitProbe(
                {
                    $0.chunkCountFree = 2
                    $0.chunkMeanBytesMin = 2
                }, fits: chunked("2\r\nxx\r\n2\r\nxx\r\n2\r\nxx\r\n0\r\n\r\n"),
                exceeds: chunked("1\r\nx\r\n2\r\nxx\r\n2\r\n"), status: 400)
        case .trailerBytes:
            LimitProbe(
                { $0.trailerBytesMax = 8 }, fits: chunked("0\r\nX: a\r\nY: b\r\n\r\n"),
                exceeds: chunked("0\r\nX: a\r\nY: bc"), status: 431)
        case .trailerCount:
            LimitProbe(
                { $0.trailerCountMax = 1 }, fits: chunked("0\r\nX: a\r\n\r\n"),
                exceeds: chunked("0\r\nX: a\r\nY: b\r\n"), status: 431)
        default:
            LimitProbe(
                { $0.bodyBytesMax = 5 }, fits: echo("12345"),
                exceeds: "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n", status: 413)
        }
    }
}
