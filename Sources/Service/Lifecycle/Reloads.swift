import Glibc
import HTTP
import Logging
import Synchronization

/// What is read again on SIGHUP, such as keys and certificates: functions by name, run one after the other on a
/// thread of their own, each logged.
///
///     let reloads = Reloads(log)
///     reloads.add("api-keys") { "\(try keys.readAgain()) keys" }
///     let watcher = reloads.watchSignal()
///
/// A function that throws must have left everything as it was: the server goes on with what it had.
final class Reloads: Sendable {
    /// Reads again and says what there is now, for the log. It may block.
    typealias Reload = @Sendable () throws -> String

    /// What came of the calls of one function so far.
    struct Outcome: Sendable, Equatable {
        var name: String
        var successes = 0
        var failures = 0
    }

    private struct Entry {
        let reload: Reload
        var outcome: Outcome
    }

    private enum Phase {
        case idle
        case running
        /// Asked for again meanwhile: what was read already may be old.
        case runningAndWanted
    }

    private struct State {
        var entries: [Entry] = []
        var phase = Phase.idle
    }

    private let log: Logger
    private let state = Mutex(State())

    init(_ log: Logger) {
        self.log = log
    }

    func add(_ name: String, _ reload: @escaping Reload) {
        state.withLock { $0.entries.append(Entry(reload: reload, outcome: Outcome(name: name))) }
    }

    /// For the metrics.
    var outcomes: [Outcome] { state.withLock { $0.entries.map(\.outcome) } }

    /// SIGHUP reloads as long as the watcher is kept. Without one it would end the process.
    func watchSignal() -> SignalWatcher {
        SignalWatcher([SIGHUP]) { [self] _, _ in start() }
    }

    /// Begins a reload and returns at once; one that is asked for while another runs follows it.
    func start() {
        let isFirst = state.withLock { state in
            defer { state.phase = state.phase == .idle ? .running : .runningAndWanted }
            return state.phase == .idle
        }
        guard isFirst else { return }
        Task {
            do {
                try await BlockingWork.run { [self] in runAll() }
            } catch {
                state.withLock { $0.phase = .idle }
                log.error("cannot reload", metadata: ["error": "\(error)"])
            }
        }
    }

    private func runAll() {
        var isWanted = true
        while isWanted {
            let entries = state.withLock { $0.entries }
            if entries.isEmpty { log.notice("there is nothing to reload") }
            for (index, entry) in entries.enumerated() { run(entry, at: index) }
            isWanted = state.withLock { state in
                defer { state.phase = state.phase == .runningAndWanted ? .running : .idle }
                return state.phase == .runningAndWanted
            }
        }
    }

    private func run(_ entry: Entry, at index: Int) {
        let name = entry.outcome.name
        do {
            let now = try entry.reload()
            state.withLock { $0.entries[index].outcome.successes += 1 }
            log.notice("reloaded \(name)", metadata: ["now": "\(now)"])
        } catch {
            state.withLock { $0.entries[index].outcome.failures += 1 }
            log.error(
                "cannot reload \(name); what there was stays in use", metadata: ["error": "\(error)"])
        }
    }
}
