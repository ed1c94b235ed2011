import Testing

@Suite("Responses over a socket")
struct ResponseTests {
    @Test("An immediate route answers with all the fields that every response has (check 75)")
    func health() async throws {
        try await withServer { port, _, _ in
            let client = try RawClient(port: port)
            try client.send("GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
            let response = try client.response()
            #expect(response.status == 200)
            #expect(response.body == #"{"status":"ok"}"#)
            #expect(response["content-type"] == "application/json")
            #expect(response["x-content-type-options"] == "nosniff")
            #expect(response["server"] == "apus")
            #expect(response["date"]?.hasSuffix(" GMT") == true)
            #expect(response["x-request-id"]?.utf8.count == 32)
            #expect(response["connection"] == nil)
        }
    }

    @Test(
        "A fit x-request-id comes back, an unfit one is replaced",
        arguments: [
            ("abc-123", true), ("a b", false), (String(repeating: "x", count: 128), true),
            (String(repeating: "x", count: 129), false), ("\u{e9}", false),
        ])
    func requestID(offered: String, isKept: Bool) async throws {
        try await withServer { port, _, _ in
            let client = try RawClient(port: port)
            try client.send("GET /health HTTP/1.1\r\nHost: h\r\nX-Request-ID: \(offered)\r\n\r\n")
            #expect((try client.response()["x-request-id"] == offered) == isKept)
        }
    }

    @Test("Two requests of a kept connection are answered in turn (check 74)")
    func keepAlive() async throws {
        try await withServer { port, _, _ in
            let client = try RawClient(port: port)
            for body in ["one", "two"] {
                try client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n\(body)")
                #expect(try client.response().body == body)
            }
        }
    }

    @Test("Pipelined requests are answered in their order, tasks and immediate ones alike (check 66)")
    func pipelining() async throws {
        try await withServer { port, _, _ in
            let client = try RawClient(port: port)
            let host = "HTTP/1.1\r\nHost: h\r\n\r\n"
            try client.send("GET /slow \(host)GET /health \(host)GET /hello \(host)GET /nothing \(host)")
            #expect(try client.response().body == "slow")
            #expect(try client.response().body == #"{"status":"ok"}"#)
            #expect(try client.response().body == "hello")
            #expect(try client.response().status == 404)
        }
    }

    @Test("HEAD has the fields of GET and no body; the next response is not shifted (check 71)")
    func head() async throws {
        try await withServer { port, _, _ in
            let client = try RawClient(port: port)
            let host = "HTTP/1.1\r\nHost: h\r\n\r\n"
            try client.send("HEAD /hello \(host)HEAD /stream \(host)GET /hello \(host)")
            #expect(try client.response(hasBody: false)["content-length"] == "5")
            #expect(try client.response(hasBody: false)["content-type"] == "text/event-stream")
            #expect(try client.response().body == "hello")
        }
    }

    @Test("An event stream is chunked and each event framed; the connection goes on after it")
    func eventStream() async throws {
        try await withServer { port, _, _ in
            let client = try RawClient(port: port)
            try client.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
            let response = try client.response()
            #expect(response["transfer-encoding"] == "chunked")
            #expect(response["content-type"] == "text/event-stream")
            #expect(response["cache-control"] == "no-cache")
            #expect(response["x-accel-buffering"] == "no")
            #expect(response["content-length"] == nil)
            #expect(response.body == "data: 1\n\ndata: 2\n\ndata: 3\n\ndata: [DONE]\n\n")
            #expect(try client.response().body == "hello")
        }
    }

    @Test("HTTP/1.0 gets a stream that ends with the connection (check 73)")
    func oldStream() async throws {
        try await withServer { port, _, _ in
            let client = try RawClient(port: port)
            try client.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let text = try client.receiveToEnd()
            #expect(text.contains("Connection: close\r\n"))
            #expect(!text.contains("chunked"))
            #expect(text.hasSuffix("\r\n\r\ndata: 1\n\ndata: 2\n\ndata: 3\n\ndata: [DONE]\n\n"))
        }
    }

    @Test("HTTP/1.0 persists only when asked to, and is told (check 74)")
    func oldKeepAlive() async throws {
        try await withServer { port, _, _ in
            let client = try RawClient(port: port)
            try client.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(try client.response()["connection"] == "keep-alive")
            try client.send("GET /hello HTTP/1.0\r\n\r\n")
            #expect(try client.response()["connection"] == "close")
            #expect(try client.receive().isEmpty)
        }
    }

    @Test(
        "Close wins over keep-alive, whatever its case (check 37)", arguments: ["close, keep-alive", "Close"])
    func close(connection: String) async throws {
        try await withServer { port, _, _ in
            let client = try RawClient(port: port)
            try client.send("GET /hello HTTP/1.1\r\nHost: h\r\nConnection: \(connection)\r\n\r\n")
            #expect(try client.response()["connection"] == "close")
            #expect(try client.receive().isEmpty)
        }
    }

    @Test("Paths are matched by decoded segments; what is not there is 404, a wrong method 405 with Allow")
    func routes() async throws {
        try await withServer { port, _, _ in
            let client = try RawClient(port: port)
            func get(_ target: String, _ method: String = "GET") throws -> RawResponse {
                try client.send("\(method) \(target) HTTP/1.1\r\nHost: h\r\n\r\n")
                return try client.response()
            }
            #expect(try get("/models/a%2Fb").body == "a/b")
            #expect(try get("/%68ello").body == "hello")
            #expect(try get("http://other:80/hello").body == "hello")
            #expect(try get("/hello?x=%3d&y").body == "hello")
            for path in ["/models/", "/models/..", "/models/%2e%2e", "//hello", "/x/../hello", "/hello/"] {
                #expect(try get(path).status == 404, "\(path)")
            }
            for path in ["/models/%00", "/models/%0d%0a", "/models/%zz", "/models/%4", "/models/%C0%AF"] {
                #expect(try get(path).status == 400, "\(path)")
            }
            let refused = try get("/echo", "DELETE")
            #expect(refused.status == 405)
            #expect(refused["allow"] == "OPTIONS, POST")
            #expect(refused.body.hasPrefix(#"{"error":{"message":"#))
            let options = try get("/hello", "OPTIONS")
            #expect(options.status == 204)
            #expect(options["allow"] == "GET, HEAD, OPTIONS")
            #expect(options["content-length"] == nil)
            #expect(try get("*", "OPTIONS").status == 204)
            #expect(try get("/hello").body == "hello")
        }
    }

    @Test("A handler that ends without an answer gives 500, a second answer is refused")
    func handlers() async throws {
        try await withServer { port, _, notes in
            let client = try RawClient(port: port)
            try client.send("GET /dropped HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.response().status == 500)
            try client.send("GET /twice HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.response().body == "first")
            #expect(notes.wait(for: "second: false"))
        }
    }

    @Test("A stream that its handler gives up ends without the mark of a proper end")
    func abort() async throws {
        try await withServer { port, _, notes in
            let client = try RawClient(port: port)
            try client.send("GET /abort HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.receiveToEnd().hasSuffix("\r\n\r\n4\r\nhalf\r\n"))
            #expect(notes.wait(for: "end /abort 200 false"))
        }
    }

    @Test("No field of a handler can split a response or contradict its framing (check 76)")
    func fieldInjection() async throws {
        try await withServer { port, _, _ in
            let client = try RawClient(port: port)
            try client.send("GET /evil HTTP/1.1\r\nHost: h\r\n\r\n")
            let response = try client.response()
            #expect(response["x-model"] == "a??X-Evil: 1")
            #expect(response["x-evil"] == nil)
            #expect(response["content-length"] == "0")
        }
    }
}
