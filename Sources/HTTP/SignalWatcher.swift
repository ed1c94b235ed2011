@preconcurrency import Dispatch
import Glibc
import Synchronization

/// Turns signals into calls, as long as it is kept. The signals' own effect is switched off for good.
///
///     let watcher = SignalWatcher([SIGTERM, SIGINT]) { signal, count in
///         if count == 1 { beginStopping() } else { _exit(128 + signal) }
///     }
public final class SignalWatcher: Sendable {
    private let sources: [any DispatchSourceSignal]

    /// - Parameter handler: Called on a queue of its own with the signal and the count of watched ones so far.
    public init(_ signals: [Int32], handler: @escaping @Sendable (_ signal: Int32, _ count: Int) -> Void) {
        let queue = DispatchQueue(label: "apus.signals")
        let count = Count()
        sources = signals.map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler(handler: { @Sendable in
                handler(number, count.value.wrappingAdd(1, ordering: .relaxed).newValue)
            })
            source.activate()
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
