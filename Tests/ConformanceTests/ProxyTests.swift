import Glibc
import HTTP
import Testing

private let line = "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"
private let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]
private let block: [UInt8] =
    signature + [0x21, 0x11, 0, 12 + 5] + [192, 0, 2, 1, 198, 51, 100, 2, 0xDC, 0x04, 0x01, 0xBB]
    + [0x01, 0, 2, 0x68, 0x32]
private let local: [UInt8] = signature + [0x20, 0, 0, 0]

@Suite("The client's address behind a proxy")
struct ProxyTests {
    /// - Parameter body: Gets the port.
    private func proxied(
        limits: HTTPLimits = HTTPLimits(), _ body: @escaping @Sendable (UInt16, HTTPServer) throws -> Void
    ) async throws {
        try await running(try peerServer("127.0.0.1:0;proxy", limits: limits)) { server in
            try body(try #require(server.port), server)
        }
    }

    @Test("The peer is whom the PROXY header names, for all requests of the connection (check 101)")
    func peer() async throws {
        try await proxied { port, server in
            for header in [Array(line.utf8), block] {
                let client = try RawClient(port: port)
                try client.send(header + Array((peerRequest + peerRequest).utf8))
                for _ in 0..<2 { #expect(try client.response().body == "192.0.2.1:56324") }
                #expect(try client.peer() == "192.0.2.1:56324")
            }
            #expect(server.counters.snapshot.proxyHeadersRefused == 0)
        }
    }

    @Test("A proxy that speaks for itself, or for an unknown client, is the peer itself (check 101)")
    func own() async throws {
        try await proxied { port, _ in
            for header in [Array("PROXY UNKNOWN\r\n".utf8), local] {
                let client = try RawClient(port: port)
                try client.send(header)
                #expect(try client.peer().hasPrefix("127.0.0.1:"))
            }
        }
    }

    @Test("A header and a request cut at every byte are what they are in one piece (check 101)")
    func split() async throws {
        try await proxied { port, _ in
            for header in [Array(line.utf8), block] {
                let bytes = header + Array(peerRequest.utf8)
                for cut in 1..<bytes.count {
                    let client = try RawClient(port: port)
                    try client.send(Array(bytes[..<cut]))
                    // One turn of the loop at least.
                    usleep(2_000)
                    try client.send(Array(bytes[cut...]))
                    #expect(try client.response().body == "192.0.2.1:56324", "cut at \(cut)")
                }
            }
        }
    }

    @Test("Without a sound header the connection is closed without a word, and counted (check 101)")
    func refused() async throws {
        let wrong: [[UInt8]] = [
            Array(peerRequest.utf8),
            Array(("PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n" + peerRequest).utf8),
            Array(("PROXY UNKNOWN" + String(repeating: " ", count: 93) + "\r\n").utf8),
            signature + [0x21, 0x11, 0, 11] + [UInt8](repeating: 0, count: 11),
            signature + [0x21, 0x11, 2, 9],  // 537 bytes
            signature + [0x21, 0x11, 0xFF, 0xFF],
            [0x16, 0x03, 0x01, 0x02, 0x00, 0x01],  // a ClientHello
        ]
        let notes = Notes()
        try await running(try peerServer("127.0.0.1:0;proxy", notes: notes)) { server in
            let port = try #require(server.port)
            for bytes in wrong {
                let client = try RawClient(port: port)
                try client.send(bytes)
                // A reset, when not all was read, says the same.
                #expect((try? client.receive()) ?? [] == [])
            }
            #expect(server.counters.snapshot.proxyHeadersRefused == wrong.count)
        }
        #expect(notes.all == [])
    }

    @Test("A header that does not come in time closes the connection (check 101)")
    func late() async throws {
        var limits = HTTPLimits()
        limits.headerTimeout = .milliseconds(200)
        try await proxied(limits: limits) { port, _ in
            let silent = try RawClient(port: port)
            #expect(try silent.receive().isEmpty)
            let slow = try RawClient(port: port)
            try slow.send("PROXY TCP4 ")
            #expect(try slow.receive().isEmpty)
        }
    }

    @Test("Where no header is required one is no request (check 101)")
    func notRequired() async throws {
        try await running(try peerServer("127.0.0.1:0")) { server in
            for header in [Array(line.utf8), block] {
                let client = try RawClient(port: try #require(server.port))
                try client.send(header + Array(peerRequest.utf8))
                let answer = try client.receiveToEnd()
                #expect(answer.count(of: "HTTP/1.1 400 ") == 1 && answer.count(of: "HTTP/1.1") == 1)
            }
        }
    }

    @Test("What a trusted proxy says is the peer of request and log, what others say is not (check 102)")
    func forwarded() async throws {
        let notes = Notes()
        let trusting = try peerServer("127.0.0.1:0", trustedProxies: "127.0.0.0/8", notes: notes)
        try await running(trusting) { server in
            let client = try RawClient(port: try #require(server.port))
            try client.send("GET /peer HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 6.6.6.6, 192.0.2.7\r\n\r\n")
            #expect(try client.response().body == "192.0.2.7")
            try client.send("GET /none HTTP/1.1\r\nHost: h\r\nForwarded: for=\"[2001:db8::1]:80\"\r\n\r\n")
            #expect(try client.response().status == 404)
            #expect(try client.peer().hasPrefix("127.0.0.1:"))
        }
        #expect(notes.all.prefix(2) == ["192.0.2.7 200", "[2001:db8::1]:80 404"])
        let others = try peerServer("127.0.0.1:0", trustedProxies: "10.0.0.0/8")
        try await running(others) { server in
            let client = try RawClient(port: try #require(server.port))
            try client.send("GET /peer HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n")
            #expect(try client.response().body.hasPrefix("127.0.0.1:"))
        }
    }

    @Test("A proxy on a unix socket is trusted by the word unix (checks 99, 102)")
    func forwardedUnix() async throws {
        let directory = try TemporaryDirectory()
        let server = try peerServer("unix:\(directory.file("a"))", trustedProxies: "unix")
        try await running(server) { _ in
            let client = try RawClient(unix: directory.file("a"))
            try client.send("GET /peer HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n")
            #expect(try client.response().body == "192.0.2.7")
        }
    }
}
