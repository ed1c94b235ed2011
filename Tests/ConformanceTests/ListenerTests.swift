import Glibc
import HTTP
import Testing

@Suite("Listeners")
struct ListenerTests {
    @Test("One server listens at several addresses at once, and tells them all (checks 98, 99)")
    func several() async throws {
        let directory = try TemporaryDirectory()
        let name = "@apus-test-\(getpid())-several"
        let server = try peerServer("127.0.0.1:0, 127.0.0.1:0,unix:\(directory.file("a")),unix:\(name)")
        try await running(server) { server in
            let ports = server.listeners.compactMap(\.port)
            #expect(ports.count == 2 && ports[0] != ports[1] && !ports.contains(0))
            #expect(
                server.listeners.map(\.url) == [
                    "http://127.0.0.1:\(ports[0])", "http://127.0.0.1:\(ports[1])",
                    "unix:\(directory.file("a"))", "unix:\(name)",
                ])
            #expect(server.listeners.map(\.isUnix) == [false, false, true, true])
            #expect(server.listeners.allSatisfy { $0.isLoopback })
            let peers = try ports.map { try RawClient(port: $0).peer() }
            #expect(peers.allSatisfy { $0.hasPrefix("127.0.0.1:") })
            let unixPeers = [
                try RawClient(unix: directory.file("a")).peer(), try RawClient(unix: name).peer(),
            ]
            let unix = "unix pid=\(getpid()) uid=\(geteuid())"
            #expect(unixPeers == [unix, unix])
        }
        #expect(directory.mode("a") == nil)
    }

    @Test("When one address cannot be had the server has none (check 99)")
    func allOrNone() async throws {
        let directory = try TemporaryDirectory()
        let server = try peerServer("unix:\(directory.file("a")),unix:\(directory.file("none/b"))")
        #expect {
            try server.start()
        } throws: { error in
            "\(error)"
                == "cannot listen on unix:\(directory.file("none/b")): No such file or directory"
        }
        #expect(directory.mode("a") == nil)
    }

    @Test("IPv4 clients of an IPv6 listener are logged as IPv4 (check 98)")
    func mapped() async throws {
        let notes = Notes()
        let server = try peerServer("[::]:0", notes: notes)
        do {
            try server.start()
        } catch {
            return  // A machine without IPv6.
        }
        let port = try #require(server.port)
        #expect(server.listeners.allSatisfy { !$0.isLoopback })
        let peer = try await blocking { Result { try RawClient(port: port).peer() } }.get()
        #expect(peer.hasPrefix("127.0.0.1:"))
        #expect(notes.all == ["\(peer) 200"])
        await server.stop(graceful: false)
    }

    @Test("An address is free again at once after a stop (check 97)")
    func restart() async throws {
        let first = try peerServer("127.0.0.1:0")
        try first.start()
        let port = try #require(first.port)
        // The server closes first: the connection stays in TIME_WAIT.
        try await blocking {
            Result {
                let client = try RawClient(port: port)
                try client.send("GET /peer HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                _ = try client.receiveToEnd()
            }
        }.get()
        await first.stop()
        let second = try peerServer("127.0.0.1:\(port)")
        try await running(second) { _ in
            let peer = try RawClient(port: port).peer()
            #expect(peer != "")
        }
    }

    @Test("A port is shared only by those that all say so (check 97)")
    func reusePort() async throws {
        let first = try peerServer("127.0.0.1:0;reuseport")
        try await running(first) { first in
            let port = try #require(first.port)
            let selfish = try peerServer("127.0.0.1:\(port)")
            #expect(throws: ListenError.self) { try selfish.start() }
            let second = try peerServer("127.0.0.1:\(port);reuseport")
            try second.start(isReady: false)
            // It is bound, and gets no connection before it is ready.
            for _ in 0..<50 { #expect(try RawClient(port: port).peer() != "") }
            #expect(second.counters.snapshot.connectionsAccepted == 0)
            try second.becomeReady()
            for _ in 0..<200 where second.counters.snapshot.connectionsAccepted == 0 {
                #expect(try RawClient(port: port).peer() != "")
            }
            #expect(second.counters.snapshot.connectionsAccepted > 0)
            stopAndWait(second)
            for _ in 0..<50 { #expect(try RawClient(port: port).peer() != "") }
        }
    }

    // MARK: - Socket files

    @Test(
        "A socket file has the mode that was asked for, whatever the umask", arguments: [0o600, 0o666, 0o777])
    func mode(mode: Int) async throws {
        let directory = try TemporaryDirectory()
        let server = try peerServer("unix:\(directory.file("a"));mode=0\(String(mode, radix: 8))")
        try await running(server) { _ in
            #expect(directory.mode("a") == S_IFSOCK | mode_t(mode))
        }
    }

    @Test("The socket file of a dead server is replaced (check 99)")
    func stale() async throws {
        let directory = try TemporaryDirectory()
        let dead = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        #expect(UnixAddress(directory.file("a")).apply(dead, bind) == 0)
        close(dead)
        let server = try peerServer("unix:\(directory.file("a"))")
        try await running(server) { _ in
            let peer = try RawClient(unix: directory.file("a")).peer()
            #expect(peer.hasPrefix("unix pid="))
        }
        #expect(directory.mode("a") == nil)
    }

    @Test("The socket file of a server that lives stays, even when its queue is full (check 99)")
    func live() async throws {
        let directory = try TemporaryDirectory()
        let other = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        #expect(UnixAddress(directory.file("a")).apply(other, bind) == 0)
        #expect(listen(other, 0) == 0)
        let server = try peerServer("unix:\(directory.file("a"))")
        let waiting = try RawClient(unix: directory.file("a"))
        #expect {
            try server.start()
        } throws: { "\($0)" == "cannot listen on unix:\(directory.file("a")): Address already in use" }
        #expect(directory.mode("a") != nil)
        withExtendedLifetime(waiting) {}
        close(other)
    }

    @Test("What is no socket is never removed (check 99)")
    func noSocket() async throws {
        let directory = try TemporaryDirectory()
        let file = open(directory.file("a"), O_CREAT | O_WRONLY, 0o600)
        close(file)
        #expect(throws: ListenError.self) { try peerServer("unix:\(directory.file("a"))").start() }
        #expect(directory.mode("a") == S_IFREG | 0o600)
    }

    @Test("A socket file that another server put in the place of ours is not removed at the end (check 99)")
    func replaced() async throws {
        let directory = try TemporaryDirectory()
        let server = try peerServer("unix:\(directory.file("a"))")
        try await running(server) { _ in
            unlink(directory.file("a"))
            let other = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            #expect(UnixAddress(directory.file("a")).apply(other, bind) == 0)
            close(other)
        }
        #expect(directory.mode("a") != nil)
    }

    // MARK: - Sockets of a service manager

    @Test("A socket that was passed on serves what waited in its queue, once the server is ready (check 99)")
    func inherited() async throws {
        let directory = try TemporaryDirectory()
        let passed = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        #expect(UnixAddress(directory.file("a")).apply(passed, bind) == 0)
        #expect(listen(passed, 10) == 0)
        let listener = ListenerConfiguration(
            .inherited(descriptor: dup(passed), name: "systemd:http", ownsFile: false))
        #expect(listener.isLoopback)
        let server = try peerServer([listener])
        try server.start(isReady: false)
        #expect(server.address == "unix:\(directory.file("a"))")
        let client = try RawClient(unix: directory.file("a"))
        try client.send(peerRequest)
        usleep(50_000)
        #expect(server.counters.snapshot.connectionsAccepted == 0)
        try server.becomeReady()
        #expect(try await blocking { Result { try client.response().status } }.get() == 200)
        await server.stop()
        // Who passed it on has it still, and its file.
        #expect(directory.mode("a") != nil)
        let later = try RawClient(unix: directory.file("a"))
        withExtendedLifetime(later) {}
        close(passed)
    }

    @Test("A descriptor that is no listening stream socket is an error that names it")
    func badInherited() throws {
        let datagrams = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        let silent = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let file = open("/dev/null", O_RDONLY)
        for descriptor in [datagrams, silent, file, 9_999] {
            let server = try peerServer([
                ListenerConfiguration(.inherited(descriptor: descriptor, name: "systemd:x", ownsFile: false))
            ])
            #expect {
                try server.start()
            } throws: { "\($0)".hasPrefix("cannot listen on systemd:x: descriptor \(descriptor) is no ") }
        }
        for descriptor in [datagrams, silent, file] { close(descriptor) }
        #expect {
            try peerServer("systemd:http").start()
        } throws: { "\($0)".hasPrefix("cannot listen on systemd:http: the service manager passed no") }
    }

    @Test("A service manager hears notes, at a path and at an abstract name, and the heart beats")
    func notify() async throws {
        let directory = try TemporaryDirectory()
        for address in [directory.file("b"), "@apus-test-\(getpid())-notify"] {
            let ear = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            #expect(UnixAddress(address).apply(ear, bind) == 0)
            let manager = ServiceManager(environment: ["NOTIFY_SOCKET": address])
            manager.notify("READY=1", "STATUS=well")
            var buffer = [UInt8](repeating: 0, count: 100)
            let count = recv(ear, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            #expect(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self) == "READY=1\nSTATUS=well")
            close(ear)
            manager.notify("nobody hears")
        }
        let notes = Notes()
        try await running(try peerServer("127.0.0.1:0")) { server in
            server.startHeartbeat(every: .milliseconds(5)) { notes.add("beat") }
            for _ in 0..<1_000 where notes.all.count < 3 { usleep(5_000) }
            #expect(notes.all.count >= 3)
        }
    }
}

/// From a thread that may block.
func stopAndWait(_ server: HTTPServer, graceful: Bool = true) {
    let finished = Notes()
    Task {
        await server.stop(graceful: graceful)
        finished.add("stopped")
    }
    #expect(finished.wait(for: "stopped", seconds: 30))
}
