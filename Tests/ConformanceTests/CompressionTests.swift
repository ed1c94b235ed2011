import Testing

@testable import HTTP

@Suite("Compression over a socket")
struct CompressionTests {
    /// As many bytes as a test asks for: letters by chance, of four, which pack to about a third.
    private static func json(_ count: Int) -> [UInt8] {
        var state: UInt32 = 1
        return (0..<count).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return 97 + UInt8(truncatingIfNeeded: state >> 30)
        }
    }

    private static func unpack(_ bytes: [UInt8], _ coding: ContentCoding) throws -> [UInt8] {
        let inflater = try #require(Inflater(coding, bytesMax: 1 << 24, limits: HTTPLimits()))
        var body: [UInt8] = []
        try inflater.append(bytes[...], to: &body)
        try inflater.end()
        return body
    }

    /// A response with Content-Length, its body as bytes.
    private static func response(_ client: RawClient, hasBody: Bool = true) throws -> (RawResponse, [UInt8]) {
        let response = try client.response(hasBody: false)
        var body: [UInt8] = []
        let length = try #require(response["content-length"].flatMap { Int($0) })
        while hasBody, body.count < length { body += try client.receive() }
        return (response, body)
    }

    private static func withRoutes(
        compression: CompressionPolicy = CompressionPolicy(), limits: HTTPLimits = HTTPLimits(),
        _ body: @escaping @Sendable (RawClient, HTTPServer) throws -> Void
    ) async throws {
        var router = Router()
        router.on(.get, "/json/{count}") { request, writer in
            writer.respond(.json(json(Int(request.parameters["count"] ?? "") ?? 0)))
        }
        router.immediate(.get, "/now/{count}") { request in
            .json(json(Int(request.parameters["count"] ?? "") ?? 0))
        }
        router.on(.get, "/binary") { _, writer in writer.respond(status: .ok, body: json(5_000)) }
        router.on(.post, "/echo") { request, writer in
            writer.respond(
                status: .ok, headers: ["Content-Type": "application/octet-stream"], body: request.body)
        }
        router.on(.get, "/events") { _, writer in
            writer.beginEventStream()
            for number in 1...3 {
                writer.writeEvent(data: Array("\(number)".utf8))
                try? await Task.sleep(for: .milliseconds(80))
            }
            writer.finish()
        }
        var configuration = HTTPServer.Configuration(port: 0, limits: limits)
        configuration.compression = compression
        let server = HTTPServer(configuration: configuration, router: router)
        try server.start()
        let port = try #require(server.port)
        let result = await blocking { Result { try body(RawClient(port: port), server) } }
        await server.stop(graceful: false)
        try result.get()
    }

    @Test("An answer from the limit on is packed for who accepts it, and says what it depends on (check 38)")
    func answers() async throws {
        try await Self.withRoutes { client, _ in
            for (path, accept, coding) in [
                ("/json/1024", "gzip", "gzip"), ("/json/1024", "deflate;q=0.5, gzip;q=0.4", "deflate"),
                ("/now/2000", "gzip, deflate, br", "gzip"), ("/json/1024", "gzip;q=0", nil),
                ("/json/1024", "identity;q=0", nil), ("/json/1024", "br", nil),
                ("/json/100000", "gzip", "gzip"),
            ] as [(String, String, String?)] {
                for method in ["HEAD", "GET"] {
                    try client.send(
                        "\(method) \(path) HTTP/1.1\r\nHost: h\r\nAccept-Encoding: \(accept)\r\n\r\n")
                    let (response, body) = try Self.response(client, hasBody: method == "GET")
                    #expect(response["content-encoding"] == coding)
                    #expect(response["vary"] == "Accept-Encoding")
                    let count = try #require(Int(path.split(separator: "/").last ?? ""))
                    #expect((response["content-length"] == "\(count)") == (coding == nil))
                    guard method == "GET" else { continue }
                    let format = coding.flatMap { ContentCoding(Array($0.utf8)[...]) }
                    let plain = try format.map { try Self.unpack(body, $0) } ?? body
                    let isSame = plain == Self.json(count)
                    #expect(isSame, "\(path) \(accept)")
                }
            }
        }
    }

    @Test("What is small, no text, or large and answered on the loop stays as it is")
    func unpacked() async throws {
        try await Self.withRoutes { client, _ in
            for (path, varies) in [
                ("/json/1023", false), ("/binary", false), ("/now/32768", true), ("/now/32769", false),
            ] {
                try client.send("GET \(path) HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n")
                let (response, _) = try Self.response(client)
                #expect((response["content-encoding"] != nil) == varies)
                #expect((response["vary"] != nil) == varies)
            }
        }
    }

    @Test("Without the setting nothing is packed")
    func off() async throws {
        try await Self.withRoutes(compression: .off) { client, _ in
            try client.send("GET /json/2000 HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n")
            #expect(try Self.response(client).0["content-encoding"] == nil)
        }
    }

    @Test("A packed body is unpacked for its handler, whole or in chunks", arguments: [false, true])
    func requests(isChunked: Bool) async throws {
        try await Self.withRoutes { client, _ in
            let text = Self.json(200_000)
            let packed = try #require(Deflater.whole(text, .gzip))
            let head = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\n"
            for _ in 0..<2 {
                if isChunked {
                    try client.send(head + "Transfer-Encoding: chunked\r\n\r\n")
                    var body: [UInt8] = []
                    for start in stride(from: 0, to: packed.count, by: 1_000) {
                        ChunkEncoder.append(
                            Array(packed[start..<min(start + 1_000, packed.count)]), to: &body)
                    }
                    try client.send(body + ChunkEncoder.end)
                } else {
                    try client.send(Array("\(head)Content-Length: \(packed.count)\r\n\r\n".utf8) + packed)
                }
                let isSame = try Self.response(client).1 == text
                #expect(isSame)
            }
        }
    }

    @Test(
        "A coding that is not spoken is refused with those that are, a bomb with 413, and both are counted (check 65)"
    )
    func refusals() async throws {
        let bomb = try #require(Deflater.whole([UInt8](repeating: 0x20, count: 20 << 20), .gzip))
        try await Self.withRoutes { client, server in
            let port = try #require(server.port)
            try client.send(
                "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\nabc")
            let (unknown, _) = try Self.response(client)
            #expect(unknown.status == 415 && unknown["accept-encoding"] == "gzip, deflate")
            let other = try RawClient(port: port)
            let head =
                "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: \(bomb.count)\r\n\r\n"
            try other.send(Array(head.utf8) + bomb.prefix(20_000))
            #expect(try other.response().status == 413)
            #expect(server.counters.snapshot.refusals == ["content_coding": 1, "inflation_ratio": 1])
        }
    }

    @Test("Where packed requests are off, they are refused before their body is asked for")
    func requestsOff() async throws {
        try await Self.withRoutes(compression: .off) { client, _ in
            try client.send(
                "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
            )
            let response = try client.response()
            #expect(response.status == 415 && response["accept-encoding"] == "identity")
        }
    }

    @Test("Streams are packed only when that is on and accepted, and then event by event, pings among them")
    func streams() async throws {
        var on = CompressionPolicy()
        on.streams = true
        var limits = HTTPLimits()
        limits.eventStreamPingInterval = .milliseconds(30)
        let request = "GET /events HTTP/1.0\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n"
        try await Self.withRoutes(limits: limits) { client, _ in
            try client.send(request)
            let response = try client.response(hasBody: false)
            #expect(response["content-encoding"] == nil && response["vary"] == nil)
        }
        try await Self.withRoutes(compression: on, limits: limits) { client, _ in
            try client.send(request)
            let response = try client.response(hasBody: false)
            #expect(response["content-encoding"] == "gzip" && response["vary"] == "Accept-Encoding")
            let inflater = try #require(Inflater(.gzip, bytesMax: 1 << 20, limits: HTTPLimits()))
            var text: [UInt8] = []
            var steps = 0
            while true {
                let bytes = try client.receive()
                if bytes.isEmpty { break }
                let before = text.count
                try inflater.append(bytes[...], to: &text)
                if text.count > before { steps += 1 }
            }
            try inflater.end()
            let lines = String(decoding: text, as: UTF8.self)
            #expect(lines.count(of: ": ping\n\n") >= 2)
            #expect(lines.count(of: "data: ") == 3)
            #expect(steps >= 3)
        }
    }
}
