import Glibc
import HTTP
import Synchronization

/// What ends a server: a signal, or a process that takes its place.
final class StopSignal: Sendable {
    enum Cause: Sendable {
        case signal(Int32)
        case handOver
    }

    struct State {
        /// Nothing runs yet that deserves patience.
        var endsAtOnce = true
        var cause: Cause?
        var waiter: CheckedContinuation<Cause, Never>?

        /// The first cause counts.
        mutating func end(_ cause: Cause) -> CheckedContinuation<Cause, Never>? {
            self.cause = self.cause ?? cause
            defer { waiter = nil }
            return waiter
        }
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
                (state.endsAtOnce, state.end(.signal(signal)))
            }
            // As a process that a signal ended: 128 and its number.
            if endsAtOnce || count > 1 { exit(128 + signal) }
            waiter?.resume(returning: .signal(signal))
        }
    }

    func becomeGraceful() { shared.state.withLock { $0.endsAtOnce = false } }

    func handedOver() {
        shared.state.withLock { $0.end(.handOver) }?.resume(returning: .handOver)
    }

    func wait() async -> Cause {
        await withCheckedContinuation { continuation in
            let cause = shared.state.withLock { state -> Cause? in
                if state.cause == nil { state.waiter = continuation }
                return state.cause
            }
            if let cause { continuation.resume(returning: cause) }
        }
    }
}
