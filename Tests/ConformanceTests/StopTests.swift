import Glibc
import HTTP
import Testing

@Suite("Starting and stopping")
struct StopTests {
    private func stop(_ server: HTTPServer, graceful: Bool = true) -> Thread {
        let done = Thread { [server] in
            let finished = Notes()
            Task {
                await server.stop(graceful: graceful)
                finished.add("stopped")
            }
            _ = finished.wait(for: "stopped", seconds: 20)
        }
        while !server.isStopping { usleep(1_000) }
        usleep(50_000)
        return done
    }

    @Test(
        "A graceful stop closes idle connections, ends running responses, and takes nothing new (check 103)")
    func graceful() async throws {
        try await withServer { port, server, notes in
            let idle = try RawClient(port: port)
            try idle.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try idle.response().body == "hello")
            let busy = try RawClient(port: port)
            try busy.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(notes.wait(for: "slow begun"))
            let stopping = stop(server)
            #expect(try idle.receive().isEmpty)
            #expect(throws: RawClient.Failure.self) { try RawClient(port: port) }
            let response = try busy.response()
            #expect(response.body == "slow")
            #expect(response["connection"] == "close")
            #expect(try busy.receive().isEmpty)
            stopping.join()
        }
    }

    @Test("What does not end in time is told, and cut without the marks of a proper end (check 103)")
    func drainTimeout() async throws {
        var limits = HTTPLimits()
        limits.drainTimeout = .milliseconds(200)
        try await withServer(limits: limits) { port, server, notes in
            let stream = try RawClient(port: port)
            try stream.send("GET /ticks HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try stream.receive(through: "tick\n\n")
            let waiting = try RawClient(port: port)
            try waiting.send("GET /never HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(notes.wait(for: "never begun"))
            let stopping = stop(server)
            let rest = try stream.receiveToEnd()
            #expect(rest.contains(#"data: {"error":{"message":"The server is stopping.""#))
            #expect(!rest.hasSuffix("0\r\n\r\n"))
            #expect(try waiting.response().status == 503)
            stopping.join()
            #expect(notes.wait(for: "ticks closed"))
            #expect(notes.wait(for: "never closed"))
        }
    }

    @Test("A stop without grace ends a graceful one that still waits")
    func impatient() async throws {
        try await withServer { port, server, notes in
            let waiting = try RawClient(port: port)
            try waiting.send("GET /never HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(notes.wait(for: "never begun"))
            let graceful = stop(server)
            stop(server, graceful: false).join()
            graceful.join()
            #expect(notes.wait(for: "never closed"))
        }
    }

    @Test("A port that is taken is an error that names it")
    func portTaken() async throws {
        try await withServer { port, _, _ in
            let second = HTTPServer(configuration: .init(port: port), router: Router())
            #expect {
                try second.start()
            } throws: { error in
                "\(error)" == "cannot listen on 127.0.0.1:\(port): Address already in use"
            }
        }
    }

    @Test("localhost is the loopback of IPv4")
    func localhost() async throws {
        let server = HTTPServer(configuration: .init(host: "localhost", port: 0), router: Router())
        try server.start()
        let port = try #require(server.port)
        #expect(server.address == "127.0.0.1:\(port)")
        await server.stop()
    }

    @Test("A name that does not resolve is an error that names it")
    func badHost() {
        let server = HTTPServer(configuration: .init(host: "256.1.1.1.invalid", port: 0), router: Router())
        #expect(throws: ListenError.self) { try server.start() }
    }

    @Test("The wildcard of IPv6 serves IPv4 too, and its address says so (check 98)")
    func dualStack() async throws {
        let server = HTTPServer(configuration: .init(host: "::", port: 0), router: Router())
        do {
            try server.start()
        } catch {
            return  // A machine without IPv6.
        }
        let port = try #require(server.port)
        #expect(server.address == "[::]:\(port)")
        let status = await blocking {
            let client = try? RawClient(port: port)
            try? client?.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            return try? client?.response().status
        }
        #expect(status == 404)
        await server.stop()
    }

    @Test("A watcher counts the signals that it takes over")
    func signals() async {
        let notes = Notes()
        let watcher = SignalWatcher([SIGUSR2]) { signal, count in notes.add("\(signal) \(count)") }
        let seen = await blocking {
            kill(getpid(), SIGUSR2)
            let first = notes.wait(for: "\(SIGUSR2) 1")
            kill(getpid(), SIGUSR2)
            return first && notes.wait(for: "\(SIGUSR2) 2")
        }
        #expect(seen)
        withExtendedLifetime(watcher) {}
    }
}
