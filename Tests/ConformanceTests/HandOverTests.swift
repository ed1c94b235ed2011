import Glibc
import HTTP
import Synchronization
import Testing

@Suite("Handing over", .serialized)
struct HandOverTests {
    /// A client that connects again and again until it is told to stop, with the errors that it saw.
    private final class Hammer: Sendable {
        private let isStopping = Atomic(false)
        private let answers = Atomic(0)
        private let errors = Mutex<[String]>([])

        func run(_ connect: () throws -> RawClient) {
            while !isStopping.load(ordering: .relaxed) {
                do {
                    let answer = try connect().peer()
                    if answer.isEmpty { errors.withLock { $0.append("an empty answer") } }
                    answers.wrappingAdd(1, ordering: .relaxed)
                } catch {
                    errors.withLock { $0.append("\(error)") }
                }
            }
        }

        func stop() { isStopping.store(true, ordering: .relaxed) }
        var answered: Int { answers.load(ordering: .relaxed) }
        var failures: [String] { errors.withLock { $0 } }
    }

    @Test("No client notices that servers take over from each other, at a port and at a socket file")
    func takeOvers() async throws {
        let directory = try TemporaryDirectory()
        let addresses = "127.0.0.1:0,unix:\(directory.file("a"))"
        let path = directory.file("hand-over")
        @Sendable func server() throws -> HTTPServer { try peerServer(addresses, handOverPath: path) }
        let first = try server()
        try first.start()
        let port = try #require(first.port)
        let hammers = [Hammer(), Hammer()]
        let failures = try await blocking {
            Result {
                let threads = [
                    Thread { hammers[0].run { try RawClient(port: port) } },
                    Thread { hammers[1].run { try RawClient(unix: directory.file("a")) } },
                ]
                var present = first
                for round in 0..<10 {
                    let handedOver = Notes()
                    present.onHandedOver { handedOver.add("handed over") }
                    let next = try server()
                    try next.start(isReady: false)
                    #expect(next.port == port)
                    usleep(20_000)
                    #expect(next.counters.snapshot.connectionsAccepted == 0)
                    #expect(handedOver.all == [])
                    try next.becomeReady()
                    #expect(handedOver.wait(for: "handed over"), "round \(round)")
                    stopAndWait(present)
                    let before = hammers.map(\.answered)
                    for _ in 0..<1_000 where !zip(before, hammers).allSatisfy({ $0 + 5 < $1.answered }) {
                        usleep(5_000)
                    }
                    present = next
                }
                for hammer in hammers { hammer.stop() }
                for thread in threads { thread.join() }
                stopAndWait(present)
                return hammers.flatMap(\.failures)
            }
        }.get()
        #expect(failures == [])
        #expect(hammers.allSatisfy { $0.answered >= 50 })
        #expect(directory.mode("a") == nil)
        #expect(directory.mode("hand-over") == nil)
    }

    @Test("A successor that never gets ready changes nothing, and the next one is welcome")
    func successorFails() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("hand-over")
        @Sendable func server() throws -> HTTPServer {
            try peerServer("unix:\(directory.file("a"))", handOverPath: path)
        }
        let first = try server()
        try await running(first) { first in
            #expect(directory.mode("hand-over") == S_IFSOCK | 0o600)
            let failing = try server()
            try failing.start(isReady: false)
            stopAndWait(failing, graceful: false)
            #expect(directory.mode("a") != nil)
            #expect(try RawClient(unix: directory.file("a")).peer().hasPrefix("unix"))
            let next = try server()
            try next.start()
            stopAndWait(first)
            #expect(try RawClient(unix: directory.file("a")).peer().hasPrefix("unix"))
            #expect(next.counters.snapshot.requests == 1)
            stopAndWait(next)
        }
        #expect(directory.mode("a") == nil)
    }

    @Test("A server that stops while its successor loads leaves it the sockets, and clients wait")
    func stopMeanwhile() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("hand-over")
        @Sendable func server() throws -> HTTPServer {
            try peerServer("unix:\(directory.file("a"))", handOverPath: path)
        }
        let first = try server()
        let next = try server()
        try first.start()
        try next.start(isReady: false)
        await first.stop()
        let client = try RawClient(unix: directory.file("a"))
        try client.send(peerRequest)
        try next.becomeReady()
        #expect(try await blocking { Result { try client.response().status } }.get() == 200)
        await next.stop()
        #expect(directory.mode("a") == nil)
    }

    @Test(
        "Listeners that the old server did not have are opened, those that the new one does not want are closed"
    )
    func different() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("hand-over")
        let first = try peerServer("127.0.0.1:0,unix:\(directory.file("a"))", handOverPath: path)
        let next = try peerServer("127.0.0.1:0,unix:\(directory.file("b"))", handOverPath: path)
        try first.start()
        try next.start()
        let port = try #require(first.port)
        #expect(next.port == port)
        await first.stop()
        try await blocking {
            Result {
                let peers = [
                    try RawClient(port: port).peer(), try RawClient(unix: directory.file("b")).peer(),
                ]
                #expect(!peers.contains(""))
                #expect(directory.mode("a") == nil)
            }
        }.get()
        await next.stop()
    }

    @Test("Who does not hand over is no predecessor")
    func stranger() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("hand-over")
        let other = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        #expect(UnixAddress(path).apply(other, bind) == 0)
        #expect(listen(other, 10) == 0)
        let server = try peerServer("127.0.0.1:0", handOverPath: path)
        #expect {
            try server.start()
        } throws: { "\($0)".hasPrefix("cannot listen on \(path): cannot take over: ") }
        close(other)
    }

    @Test("A graceful stop serves a first request that is on its way, and waits no longer than that")
    func firstRequest() async throws {
        var limits = HTTPLimits()
        limits.firstRequestGrace = .milliseconds(400)
        limits.drainTimeout = .seconds(10)
        let server = try peerServer("127.0.0.1:0", limits: limits)
        try server.start()
        let port = try #require(server.port)
        let result = await blocking {
            Result {
                let busy = try RawClient(port: port)
                let silent = try RawClient(port: port)
                while server.counters.snapshot.connectionsAccepted < 2 { usleep(1_000) }
                let stopping = Thread { stopAndWait(server) }
                while !server.isStopping { usleep(1_000) }
                usleep(50_000)
                try busy.send(peerRequest)
                let response = try busy.response()
                #expect(response.status == 200)
                #expect(response["connection"] == "close")
                #expect(try silent.receive().isEmpty)
                stopping.join()
            }
        }
        try result.get()
        #expect(server.counters.snapshot.connectionsActive == 0)
    }
}
