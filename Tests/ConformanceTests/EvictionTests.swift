import Glibc
import HTTP
import Testing

/// When all connections are taken, who keeps one for nothing gives it to another.
@Suite("Eviction", .serialized)
struct EvictionTests {
    private func limits(evictionAge: Duration) -> HTTPLimits {
        var limits = HTTPLimits()
        limits.connectionsMax = 4
        limits.connectionsReserve = 0
        limits.evictionAge = evictionAge
        return limits
    }

    /// The first one is the oldest: those that come in one turn of the loop are of one age.
    private func fill(_ port: UInt16, with text: String) throws -> [RawClient] {
        try (0..<4).map { _ in
            let client = try RawClient(port: port)
            try client.send(text)
            usleep(20_000)
            return client
        }
    }

    @Test("Clients that are slow with their heads do not keep others out, and are told")
    func slowHeads() async throws {
        try await withServer(limits: limits(evictionAge: .milliseconds(100))) { port, server, _ in
            let slow = try fill(port, with: "GET /health HTTP/1.1\r\nHost:")
            let other = try RawClient(port: port)
            try other.send("GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try other.response().status == 200)
            #expect(server.counters.snapshot.connectionsEvicted == 1)
            #expect(try slow[0].receiveToEnd().hasPrefix("HTTP/1.1 408 "))
        }
    }

    @Test("Connections between two requests go, and no request that runs")
    func idleOnes() async throws {
        try await withServer(limits: limits(evictionAge: .milliseconds(100))) { port, server, notes in
            let busy = try RawClient(port: port)
            try busy.send("GET /never HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(notes.wait(for: "never begun"))
            let idle = try (0..<3).map { _ in try RawClient(port: port) }
            for client in idle {
                try client.send("GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try client.response().status == 200)
                usleep(20_000)
            }
            for _ in 0..<6 {
                let other = try RawClient(port: port)
                try other.send("GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                #expect(try other.response().status == 200)
            }
            #expect(try idle[0].receive().isEmpty)
            #expect(server.counters.snapshot.connectionsEvicted >= 1)
            #expect(!notes.all.contains("never closed"))
        }
    }

    @Test("A body that comes slower than it must is no reason to keep a connection")
    func slowBodies() async throws {
        try await withServer(limits: limits(evictionAge: .milliseconds(100))) { port, _, _ in
            let slow = try fill(port, with: "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx")
            let other = try RawClient(port: port)
            try other.send("GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try other.response().status == 200)
            #expect(try slow[0].receiveToEnd().hasPrefix("HTTP/1.1 408 "))
        }
    }

    @Test("Before that age nobody goes: one more has to wait until a place is free")
    func youngOnes() async throws {
        try await withServer(limits: limits(evictionAge: .seconds(60))) { port, server, _ in
            var slow = try fill(port, with: "GET /health HTTP/1.1\r\nHost:")
            let other = try RawClient(port: port, timeoutSeconds: 1)
            try other.send("GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(throws: RawClient.Failure.self) { try other.receive() }
            #expect(server.counters.snapshot.connectionsActive == 4)
            slow.removeFirst()
            #expect(try other.response().status == 200)
            #expect(server.counters.snapshot.connectionsEvicted == 0)
        }
    }
}
