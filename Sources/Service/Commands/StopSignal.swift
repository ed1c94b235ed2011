import Glibc
import HTTP
import Synchronization

/// The signals that end a server.
final class StopSignal: Sendable {
    struct State {
        /// Nothing runs yet that deserves patience.
        var endsAtOnce = true
        var signal: Int32?
        var waiter: CheckedContinuation<Int32, Never>?
    }

    private final class Shared: Sendable {
        let state = Mutex(State())
    }

    private let shared = Shared()
    private let watcher: SignalWatcher

    init() {
        let shared = shared
        watcher = SignalWatcher([SIGTERM, SIGINT]) { signal, count in
            let (endsAtOnce, waiter) = shared.state.withLock { state in
                state.signal = state.signal ?? signal
                defer { state.waiter = nil }
                return (state.endsAtOnce, state.waiter)
            }
            // As a process that a signal ended: 128 and its number.
            if endsAtOnce || count > 1 { exit(128 + signal) }
            waiter?.resume(returning: signal)
        }
    }

    func becomeGraceful() { shared.state.withLock { $0.endsAtOnce = false } }

    func wait() async -> Int32 {
        await withCheckedContinuation { continuation in
            let signal = shared.state.withLock { state -> Int32? in
                if state.signal == nil { state.waiter = continuation }
                return state.signal
            }
            if let signal { continuation.resume(returning: signal) }
        }
    }
}
