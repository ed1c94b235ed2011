import HTTP
import Testing

@Suite("Access over a socket")
struct AccessTests {
    private static func locked(_ configuration: inout HTTPServer.Configuration) {
        var policy = AccessPolicy()
        policy.keys = KeyRing([APIKey(name: "alice", secret: "sk-a".utf8)])
        policy.publicPaths = ["/health"]
        policy.origins = CrossOriginPolicy(["https://app.example.com"]) ?? .none
        configuration.access = AccessGate(policy)
    }

    private static func through(_ gate: AccessGate) -> (inout HTTPServer.Configuration) -> Void {
        { $0.access = gate }
    }

    private static let key = "Authorization: Bearer sk-a\r\n"

    @Test("Without a key there is 401 and the connection goes on; with it the same connection serves")
    func unauthorized() async throws {
        try await withServer(configure: Self.locked) { port, server, _ in
            let client = try RawClient(port: port)
            for path in ["/hello", "/nothing", "/models/x"] {
                try client.send("GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n")
                let response = try client.response()
                #expect(response.status == 401)
                #expect(response["www-authenticate"] == #"Bearer realm="apus""#)
                #expect(response["content-type"] == "application/json")
                #expect(response["connection"] == nil)
                #expect(response.body.contains(#""code":"invalid_api_key""#))
            }
            try client.send("GET /hello HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer sk-b\r\n\r\n")
            #expect(try client.response().status == 401)
            try client.send("GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.response().status == 200)
            try client.send("GET /hello HTTP/1.1\r\nHost: h\r\n\(Self.key)\r\n")
            #expect(try client.response().body == "hello")
            let refusals = server.counters.snapshot.refusals
            #expect(refusals == ["missing_api_key": 3, "invalid_api_key": 1])
        }
    }

    @Test("A client that waits for 100 gets 401 instead, and the connection ends (check 68)")
    func expectation() async throws {
        try await withServer(configure: Self.locked) { port, _, _ in
            let client = try RawClient(port: port)
            try client.send(
                "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 10000000\r\n\r\n")
            let response = try client.response()
            #expect(response.status == 401)
            #expect(response["connection"] == "close")
            #expect(try client.receive().isEmpty)
        }
    }

    @Test(
        "A body that is under way is not waited for",
        arguments: ["Content-Length: 10", "Transfer-Encoding: chunked"])
    func bodyUnderWay(framing: String) async throws {
        try await withServer(configure: Self.locked) { port, _, _ in
            let client = try RawClient(port: port)
            try client.send("POST /echo HTTP/1.1\r\nHost: h\r\n\(framing)\r\n\r\n5\r\n")
            let response = try client.response()
            #expect(response.status == 401)
            #expect(response["connection"] == "close")
            client.shutDownOutput()
            #expect(try client.receive().isEmpty)
        }
    }

    @Test("A body that came with its head is dropped, and the next request is read behind it")
    func bodyWithHead() async throws {
        try await withServer(configure: Self.locked) { port, _, _ in
            let client = try RawClient(port: port)
            let next = "GET /hello HTTP/1.1\r\nHost: h\r\n\(Self.key)\r\n"
            try client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" + next)
            #expect(try client.response().status == 401)
            #expect(try client.response().body == "hello")
        }
    }

    @Test("Keys that are replaced while it runs count from the next request on")
    func replaced() async throws {
        let gate = AccessGate()
        try await withServer(configure: Self.through(gate)) { port, _, _ in
            let client = try RawClient(port: port)
            let request = "GET /hello HTTP/1.1\r\nHost: h\r\n\(Self.key)\r\n"
            for (keys, status) in [(["sk-z"], 401), (["sk-a", "sk-z"], 200), (["sk-b"], 401)] {
                gate.policy.keys = KeyRing(keys.map { APIKey(name: $0, secret: $0.utf8) })
                try client.send(request)
                #expect(try client.response().status == status)
            }
            gate.policy.keys = nil
            try client.send(request)
            #expect(try client.response().status == 200)
        }
    }

    @Test("A host that is not allowed gets 403, a target of another authority 400 and the end (check 18)")
    func hosts() async throws {
        let gate = AccessGate()
        gate.policy.hosts = .loopback
        try await withServer(configure: Self.through(gate)) { port, _, _ in
            let client = try RawClient(port: port)
            try client.send("GET /hello HTTP/1.1\r\nHost: evil.example:\(port)\r\n\r\n")
            let refused = try client.response()
            #expect(refused.status == 403 && refused.body.contains("allowed-hosts"))
            try client.send("GET /hello HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n\r\n")
            #expect(try client.response().status == 200)
            try client.send("GET http://evil.example/hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let other = try client.response()
            #expect(other.status == 400 && other["connection"] == "close")
            #expect(other.body.contains("allowed-hosts"))
            #expect(try client.receive().isEmpty)
        }
    }

    @Test("A page of an allowed origin may read answers and errors, others may not (checks 79, 80)")
    func crossOrigin() async throws {
        try await withServer(configure: Self.locked) { port, _, _ in
            let client = try RawClient(port: port)
            let preflight =
                "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n"
            for (origin, isAllowed) in [("https://app.example.com", true), ("https://evil.example", false)] {
                let permission = isAllowed ? origin : nil
                try client.send("OPTIONS /echo HTTP/1.1\r\nHost: h\r\nOrigin: \(origin)\r\n\(preflight)\r\n")
                let answer = try client.response(hasBody: false)
                #expect(answer.status == 204)
                #expect(answer["access-control-allow-origin"] == permission)
                #expect(answer["access-control-allow-headers"] == (isAllowed ? "authorization" : nil))
                for (line, status) in [
                    ("GET /hello", 200), ("GET /nothing", 404), ("DELETE /hello", 405), ("GET /stream", 200),
                ] {
                    try client.send("\(line) HTTP/1.1\r\nHost: h\r\nOrigin: \(origin)\r\n\(Self.key)\r\n")
                    let answer = try client.response()
                    #expect(answer.status == status)
                    #expect(answer["access-control-allow-origin"] == permission)
                    #expect(
                        answer["access-control-expose-headers"]?.contains("x-request-id")
                            == (isAllowed ? true : nil))
                    #expect(answer["access-control-allow-credentials"] == nil)
                    #expect(answer["vary"] == "Origin")
                }
                try client.send("GET /hello HTTP/1.1\r\nHost: h\r\nOrigin: \(origin)\r\n\r\n")
                let refused = try client.response()
                #expect(refused.status == 401 && refused["access-control-allow-origin"] == permission)
            }
            try client.send("OPTIONS /echo HTTP/1.1\r\nHost: h\r\n\(Self.key)\r\n")
            #expect(try client.response(hasBody: false)["allow"] == "OPTIONS, POST")
            // Refused by the wire, behind its head.
            try client.send(
                "POST /small HTTP/1.1\r\nHost: h\r\nOrigin: https://app.example.com\r\n\(Self.key)Content-Length: 11\r\n\r\n"
            )
            let large = try client.response()
            #expect(large.status == 413)
            #expect(large["access-control-allow-origin"] == "https://app.example.com")
        }
    }
}
