import Glibc
import HTTP
import Testing

@Suite("Requests that are refused")
struct RefusalTests {
    @Test("A refused request gets one answer that says why, and then the connection ends (check 67)")
    func refusal() async throws {
        try await withServer { port, server, _ in
            let client = try RawClient(port: port)
            // The rest is on its way already: it must neither be answered nor destroy the answer.
            let rest = String(repeating: "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n", count: 1_000)
            try client.send("GET /hello HTTP/1.1\r\n\r\n\(rest)")
            let text = try client.receiveToEnd()
            #expect(text.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
            #expect(text.contains("Connection: close\r\n"))
            #expect(text.contains("Content-Type: application/json\r\n"))
            #expect(text.contains("X-Content-Type-Options: nosniff\r\n"))
            #expect(text.hasSuffix(#""type":"invalid_request_error","param":null,"code":"host"}}"#))
            #expect(text.count(of: "HTTP/1.1 4") == 1)
            #expect(server.counters.snapshot.refusals == ["host": 1])
        }
    }

    @Test(
        "Each kind of refusal reaches the client with its status",
        arguments: [
            ("GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505), ("FOO / HTTP/1.1\r\nHost: h\r\n\r\n", 501),
            ("GET /\(String(repeating: "a", count: 20_000))", 414),
            ("GET / HTTP/1.1\r\nX: \(String(repeating: "a", count: 20_000))", 431),
            ("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999\r\n\r\n", 413),
            ("POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n", 413),
            (
                "POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n3\r\n",
                413
            ),
            ("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: magic\r\n\r\n", 417),
            ("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\nabc", 415),
            ("\u{16}\u{3}\u{1}", 400),
        ])
    func statuses(request: String, status: Int) async throws {
        try await withServer { port, _, _ in
            let client = try RawClient(port: port)
            try client.send(request)
            let response = try client.response()
            #expect(response.status == status)
            #expect(response["connection"] == "close")
            #expect(try client.receive().isEmpty)
        }
    }

    @Test("A body of the route's limit is taken")
    func routeLimit() async throws {
        try await withServer { port, _, _ in
            let client = try RawClient(port: port)
            try client.send("POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123456789")
            #expect(try client.response().body == "0123456789")
        }
    }

    @Test("The body of a GET is read and dropped, and so is one that no route wants (check 48)")
    func unwantedBodies() async throws {
        try await withServer { port, _, _ in
            let client = try RawClient(port: port)
            for request in ["GET /hello", "POST /nowhere", "DELETE /echo", "OPTIONS /hello"] {
                try client.send(
                    "\(request) HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\nGET /health HTTP/1.1")
                #expect([200, 404, 405, 204].contains(try client.response().status))
            }
            try client.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.response().body == "hello")
        }
    }

    @Test("A client that waits for 100 gets it once its head is accepted (check 68)")
    func expectContinue() async throws {
        try await withServer { port, _, _ in
            let client = try RawClient(port: port)
            try client.send(
                "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n")
            #expect(try client.receive(through: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            try client.send("hello")
            #expect(try client.response().body == "hello")
        }
    }

    @Test(
        "A client that waits for 100 with what will be refused gets the refusal instead (check 68)",
        arguments: [
            ("/small", 413), ("/nowhere", 404), ("/hello", 405),
        ])
    func expectRefused(path: String, status: Int) async throws {
        try await withServer { port, _, _ in
            let client = try RawClient(port: port)
            try client.send(
                "POST \(path) HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 50\r\n\r\n")
            let response = try client.response()
            #expect(response.status == status)
            #expect(response["connection"] == "close")
            #expect(try client.receive().isEmpty)
        }
    }

    @Test(
        "No 100 goes to HTTP/1.0 or to a client whose body has come (checks 69, 70)",
        arguments: ["1.0", "1.1"])
    func noContinue(version: String) async throws {
        try await withServer { port, _, _ in
            let client = try RawClient(port: port)
            let fields = "Host: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n"
            try client.send("POST /echo HTTP/\(version)\r\n\(fields)\r\nhello")
            #expect(try client.receiveToEnd().hasPrefix("HTTP/1.1 200 OK\r\n"))
        }
    }

    @Test("Every cut of a request in two sends gives the same answer (check 1)")
    func fragments() async throws {
        try await withServer { port, _, _ in
            let request = Array("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello".utf8)
            let client = try RawClient(port: port)
            for cut in 1..<request.count {
                try client.send(Array(request[..<cut]))
                usleep(300)
                try client.send(Array(request[cut...]))
                #expect(try client.response().body == "hello", "cut at \(cut)")
            }
        }
    }
}
