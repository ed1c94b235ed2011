import Glibc
import HTTP
import Testing

@Suite("Limits, each at its value and one past it")
struct LimitTests {
    @Test(
        "What keeps to a limit is served; one past it has its consequence, and its counter moves by one",
        arguments: HTTPLimit.allCases)
    func limit(_ limit: HTTPLimit) async throws {
        let probe = LimitProbe.of(limit)
        try await withServer(limits: probe.limits) { port, server, notes in
            let scene = LimitProbe.Scene(port: port, server: server, notes: notes)
            func reached() -> Int? { server.counters.snapshot.limitsReached[limit.name] }
            try probe.fits(scene)
            // The connection of what fitted is gone before the other comes.
            for _ in 0..<400 where server.counters.snapshot.connectionsActive > 0 { usleep(5_000) }
            #expect(reached() == 0, "at the limit")
            try probe.exceeds(scene)
            for _ in 0..<1_000 where reached() == 0 { usleep(5_000) }
            #expect(reached() == 1, "one past it")
        }
    }

    @Test("With all connections taken, health is answered still, and work is not (check 88)")
    func reserve() async throws {
        var limits = HTTPLimits()
        limits.connectionsMax = 2
        limits.connectionsReserve = 2
        limits.evictionAge = .seconds(60)
        try await withServer(limits: limits) { port, server, _ in
            var held = try [RawClient(port: port), RawClient(port: port)]
            for client in held {
                try client.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try client.response().body == "hello")
            }
            for (request, status) in [
                ("GET /health", 200), ("GET /hello", 503), ("POST /echo", 503), ("GET /nowhere", 404),
                ("DELETE /echo", 405), ("GET /health", 200),
            ] {
                let extra = try RawClient(port: port)
                try extra.send(
                    "\(request) HTTP/1.1\r\nHost: h\r\n\r\nGET /health HTTP/1.1\r\nHost: h\r\n\r\n")
                let response = try extra.response()
                #expect(response.status == status, "\(request)")
                #expect(response["connection"] == "close", "\(request)")
                #expect(extra.meetsEnd(), "\(request)")
                extra.shutDownOutput()
                for _ in 0..<400 where server.counters.snapshot.connectionsActive > 2 { usleep(5_000) }
            }
            held.removeLast()
            for _ in 0..<400 where server.counters.snapshot.connectionsActive > 1 { usleep(5_000) }
            let next = try RawClient(port: port)
            try next.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try next.response().body == "hello")
        }
    }
}
