import Glibc
import HTTP
import Testing

@Suite("Slow, hostile and vanishing clients")
struct TimeTests {
    private static var short: HTTPLimits {
        var limits = HTTPLimits()
        limits.headerTimeout = .milliseconds(200)
        limits.bodyIdleTimeout = .milliseconds(200)
        limits.keepAliveTimeout = .milliseconds(200)
        limits.lingerTimeout = .milliseconds(100)
        return limits
    }

    @Test("A head that comes byte by byte is cut off with 408 at its absolute deadline (check 81)")
    func slowHead() async throws {
        try await withServer(limits: Self.short) { port, server, _ in
            let client = try RawClient(port: port)
            for byte in "GET /hello HTTP/1.1".utf8 {
                try? client.send([byte])
                usleep(20_000)
            }
            #expect(try client.response().status == 408)
            #expect(server.counters.snapshot.timeouts == 1)
        }
    }

    @Test("A client that says nothing is closed without a word (check 84), and so is an idle kept one")
    func silentClient() async throws {
        try await withServer(limits: Self.short) { port, _, _ in
            #expect(try RawClient(port: port).receiveToEnd() == "")
            let client = try RawClient(port: port)
            try client.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.response().body == "hello")
            #expect(try client.receive().isEmpty)
        }
    }

    @Test(
        "A body that stops coming ends in 408 (checks 45, 62)",
        arguments: [
            "Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        ])
    func slowBody(rest: String) async throws {
        try await withServer(limits: Self.short) { port, _, notes in
            let client = try RawClient(port: port)
            try client.send("POST /echo HTTP/1.1\r\nHost: h\r\n\(rest)")
            #expect(try client.response().status == 408)
            #expect(notes.wait(for: "end /echo 408 true"))
        }
    }

    @Test("A body that trickles under the mean rate ends in 408 (check 82)")
    func trickle() async throws {
        var limits = HTTPLimits()
        limits.bodyRateGrace = .seconds(1)
        try await withServer(limits: limits) { port, _, _ in
            let client = try RawClient(port: port)
            try client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n")
            for _ in 0..<12 {
                try client.send("x")
                usleep(100_000)
            }
            #expect(try client.response().status == 408)
        }
    }

    @Test("An end of input inside a request never reaches the handler (check 45)")
    func endInBody() async throws {
        try await withServer { port, _, notes in
            let client = try RawClient(port: port)
            try client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello")
            client.shutDownOutput()
            #expect(try client.receiveToEnd() == "")
            #expect(notes.wait(for: "end /echo 0 false"))
        }
    }

    @Test(
        "A client that says at once that its request was the last is served (check 87)",
        arguments: [
            "/slow", "/stream",
        ])
    func halfClose(path: String) async throws {
        try await withServer { port, _, _ in
            let client = try RawClient(port: port)
            try client.send("GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n")
            client.shutDownOutput()
            #expect(try client.receiveToEnd().hasPrefix("HTTP/1.1 200 OK\r\n"))
        }
    }

    @Test("A client that vanishes from a stream stops it (check 86)")
    func vanishFromStream() async throws {
        try await withServer { port, server, notes in
            var client: RawClient? = try RawClient(port: port)
            try client?.send("GET /ticks HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try client?.receive(through: "tick")
            client = nil
            #expect(notes.wait(for: "ticks closed"))
            #expect(notes.wait(for: "ticks ended"))
            #expect(notes.wait(for: "end /ticks 200 false"))
            #expect(server.counters.snapshot.clientsVanished == 1)
        }
    }

    @Test(
        "A client that vanishes while it waits for an answer is noticed, with requests behind it or not",
        arguments: [
            "", "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n",
            String(repeating: "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n", count: 800),
        ])
    func vanishWhileWaiting(pipelined: String) async throws {
        var limits = HTTPLimits()
        limits.halfCloseGrace = .milliseconds(50)
        try await withServer(limits: limits) { port, _, notes in
            var client: RawClient? = try RawClient(port: port)
            try client?.send("GET /never HTTP/1.1\r\nHost: h\r\n\r\n\(pipelined)")
            #expect(notes.wait(for: "never begun"))
            usleep(100_000)
            client = nil
            #expect(notes.wait(for: "never closed"))
        }
    }

    @Test("Who closes right behind the request is found out; who only half-closed waits on (check 87)")
    func closeBehindRequest() async throws {
        var limits = HTTPLimits()
        limits.halfCloseGrace = .milliseconds(200)
        try await withServer(limits: limits) { port, _, notes in
            let request = "GET /never HTTP/1.1\r\nHost: h\r\n\r\n"
            var gone: RawClient? = try RawClient(port: port)
            try gone?.send(request)
            gone = nil
            #expect(notes.wait(for: "never closed"))

            let half = try RawClient(port: port)
            try half.send(request)
            half.shutDownOutput()
            #expect(try half.receive(through: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            usleep(300_000)
            #expect(notes.all.filter { $0 == "never begun" }.count == 2)
            #expect(notes.all.filter { $0 == "never closed" }.count == 1)
        }
    }

    @Test(
        "A slow reader backs its stream up, lets it flow again, and is cut when it takes nothing (check 83)")
    func slowReader() async throws {
        var limits = HTTPLimits()
        limits.writeStallTimeout = .seconds(1)
        try await withServer(limits: limits) { port, server, notes in
            let client = try RawClient(port: port, receiveBuffer: 65_536)
            try client.send("GET /flood HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(notes.wait(for: "flood backed up"))
            for _ in 0..<2_000 where !notes.all.contains("flood drained") { _ = try client.receive() }
            #expect(notes.all.contains("flood drained"))
            #expect(notes.wait(for: "flood closed"))
            #expect(server.counters.snapshot.slowClients == 1)
        }
    }

    @Test("A silent event stream carries pings once it has begun (check 95)")
    func pings() async throws {
        var limits = HTTPLimits()
        limits.eventStreamPingInterval = .milliseconds(200)
        try await withServer(limits: limits) { port, _, _ in
            let client = try RawClient(port: port)
            try client.send("GET /silence HTTP/1.1\r\nHost: h\r\n\r\nGET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
            let body = try client.response().body
            let pings = body.count(of: ": ping\n\n")
            #expect(pings >= 2 && body.utf8.count == 8 * pings, "\(body)")
            #expect(try client.response().body == "slow")
        }
    }

    @Test("An event arrives though nothing follows it (check 96)")
    func promptEvents() async throws {
        try await withServer { port, _, notes in
            let client = try RawClient(port: port)
            try client.send("GET /steps HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try client.receive(through: "\r\n\r\n")
            for step in 1...3 {
                #expect(try client.receive(through: "\n\n\r\n") == "9\r\ndata: \(step)\n\n\r\n")
                notes.add("saw \(step)")
            }
            #expect(try client.receive(through: "\r\n\r\n") == "0\r\n\r\n")
        }
    }

    @Test("A thousand pipelined requests come back in order, and others are served meanwhile (check 94)")
    func flood() async throws {
        try await withServer { port, _, _ in
            let client = try RawClient(port: port)
            let names = (0..<1_000).map { "n\($0)" }
            try client.send(names.map { "GET /models/\($0) HTTP/1.1\r\nHost: h\r\n\r\n" }.joined())
            let other = try RawClient(port: port)
            try other.send("GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try other.response().status == 200)
            for name in names { #expect(try client.response().body == name) }
        }
    }

    @Test("Nine thousand immediate requests in one send are all answered")
    func immediateFlood() async throws {
        try await withServer { port, server, _ in
            let client = try RawClient(port: port)
            let request = "GET /health HTTP/1.1\r\nHost: h\r\n\r\n"
            let sender = Thread {
                try? client.send(String(repeating: request, count: 8_999))
                try? client.send("GET /health HTTP/1.0\r\n\r\n")
            }
            #expect(try client.receiveToEnd().count(of: "HTTP/1.1 200") == 9_000)
            sender.join()
            #expect(server.counters.snapshot.requests == 9_000)
        }
    }

    @Test("A thousand connections come and go, in every way")
    func churn() async throws {
        try await withServer { port, server, _ in
            for round in 0..<1_000 {
                let client = try RawClient(port: port)
                switch round % 5 {
                case 0: break
                case 1: try client.send("GET /hel")
                case 2: try client.send("GET /never HTTP/1.1\r\nHost: h\r\n\r\n")
                case 3:
                    try client.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")
                    _ = try client.response()
                default:
                    try client.send("GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                    #expect(try client.receiveToEnd().hasSuffix("hello"))
                }
            }
            for _ in 0..<1_000 where server.counters.snapshot.connectionsActive > 200 { usleep(5_000) }
            #expect(server.counters.snapshot.connectionsAccepted == 1_000)
            #expect(server.counters.snapshot.connectionsActive <= 200)
        }
    }

    @Test("A reset, and a write to who is gone, end one connection and nothing else (checks 91, 92)")
    func resets() async throws {
        try await withServer { port, server, notes in
            var action = sigaction()
            sigaction(SIGPIPE, nil, &action)
            #expect(
                unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1,
                "SIGPIPE is not ignored")
            for request in ["GET /ticks HTTP/1.1\r\nHost: h\r\n\r\n", "GET /fl", ""] {
                var client: RawClient? = try RawClient(port: port)
                try client?.send(request)
                if request.utf8.last == 10 { _ = try client?.receive(through: "tick") }
                client?.resetOnClose()
                client = nil
            }
            #expect(notes.wait(for: "ticks closed"))
            for _ in 0..<1_000 where server.counters.snapshot.connectionsActive > 0 { usleep(5_000) }
            #expect(server.counters.snapshot.connectionsActive == 0)
            let client = try RawClient(port: port)
            try client.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.response().body == "hello")
        }
    }

    @Test("A slow stream waits by itself: another of the same loop goes on (check 83)")
    func onlyItsOwnStream() async throws {
        try await withServer { port, server, notes in
            let slow = try RawClient(port: port, receiveBuffer: 65_536)
            try slow.send("GET /flood HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(notes.wait(for: "flood backed up"))
            let sent = settled { server.counters.snapshot.bytesSent }
            let other = try RawClient(port: port)
            for _ in 0..<100 {
                try other.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try other.response().body.hasSuffix("data: [DONE]\n\n"))
            }
            #expect(server.counters.snapshot.bytesSent - sent < 100_000, "the slow stream went on")
        }
    }

    /// A number, once it has not changed for a while: the kernel's buffers are full.
    private func settled(_ number: () -> Int) -> Int {
        var last = number()
        for _ in 0..<100 {
            usleep(200_000)
            let next = number()
            if next == last { break }
            last = next
        }
        return last
    }

    @Test("At the limit of connections new ones wait until one goes (check 88)")
    func connectionLimit() async throws {
        var limits = HTTPLimits()
        limits.connectionsMax = 2
        limits.connectionsReserve = 0
        try await withServer(limits: limits) { port, _, _ in
            var first: RawClient? = try RawClient(port: port)
            let second = try RawClient(port: port)
            let third = try RawClient(port: port)
            for client in [first, second, third] {
                try client?.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
            }
            #expect(try first?.response().body == "hello")
            #expect(try second.response().body == "hello")
            first = nil
            #expect(try third.response().body == "hello")
        }
    }
}
