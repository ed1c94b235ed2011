@preconcurrency import Dispatch
import Synchronization

/// Turns signals into calls, as long as it is kept.
///
///     let watcher = SignalWatcher([SIGTERM, SIGINT]) { signal, count in
///         if count == 1 { beginStopping() } else { _exit(128 + signal) }
///     }
public final class SignalWatcher: Sendable {
    private let sources: [any DispatchSourceSignal]

    /// Returns when Dispatch watches: a signal that comes earlier has its usual effect, a later one is a
    /// call, and none is lost. On Linux Dispatch watches through a signal handler of its own, so the signals
    /// must not be ignored with `SIG_IGN`, neither before (they would be lost until then) nor after (they
    /// would be lost for good).
    ///
    /// - Parameter handler: Called on a queue of its own with the signal and the count of watched ones so far.
    public init(_ signals: [Int32], handler: @escaping @Sendable (_ signal: Int32, _ count: Int) -> Void) {
        let queue = DispatchQueue(label: "apus.signals")
        let count = Count()
        sources = signals.map { number in
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler(handler: { @Sendable in
                handler(number, count.value.wrappingAdd(1, ordering: .relaxed).newValue)
            })
            let isWatched = DispatchSemaphore(value: 0)
            source.setRegistrationHandler(handler: { @Sendable in isWatched.signal() })
            source.activate()
            isWatched.wait()
            return source
        }
    }

    deinit {
        for source in sources { source.cancel() }
    }

    private final class Count: Sendable {
        let value = Atomic(0)
    }
}
