import Glibc
import HTTP
import Logging
import Synchronization
import Testing

@testable import Service

@Suite("Reloads")
struct ReloadTests {
    private struct Broken: Error {}

    /// What the functions did, in order.
    private final class Calls: Sendable {
        private let names = Mutex<[String]>([])
        func add(_ name: String) { names.withLock { $0.append(name) } }
        var all: [String] { names.withLock { $0 } }
    }

    private func wait(until isTrue: () -> Bool) async throws {
        for _ in 0..<2_000 where !isTrue() { try await Task.sleep(for: .milliseconds(5)) }
        #expect(isTrue())
    }

    @Test("SIGHUP runs every function, and one that fails stops none of the others")
    func signal() async throws {
        let calls = Calls()
        let reloads = Reloads(Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        reloads.add("first") {
            calls.add("first")
            throw Broken()
        }
        reloads.add("second") {
            calls.add("second")
            return "new"
        }
        let watcher = reloads.watchSignal()
        kill(getpid(), SIGHUP)
        try await wait { reloads.outcomes.last?.successes == 1 }
        #expect(calls.all == ["first", "second"])
        #expect(
            reloads.outcomes == [
                .init(name: "first", successes: 0, failures: 1),
                .init(name: "second", successes: 1, failures: 0),
            ])
        withExtendedLifetime(watcher) {}
    }

    @Test("A reload that is asked for while one runs follows it, and many make one")
    func again() async throws {
        let calls = Calls()
        let reloads = Reloads(Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        reloads.add("slow") {
            calls.add("begun")
            while !calls.all.contains("go on") { usleep(1_000) }
            return "new"
        }
        reloads.start()
        try await wait { calls.all == ["begun"] }
        for _ in 0..<5 { reloads.start() }
        calls.add("go on")
        try await wait { reloads.outcomes.first?.successes == 2 }
        try await Task.sleep(for: .milliseconds(50))
        #expect(calls.all == ["begun", "go on", "begun"])
    }
}
