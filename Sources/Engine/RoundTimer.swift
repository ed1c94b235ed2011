import Synchronization

/// How long a thread has been at its present round without coming back for more: `/livez` fails when that is too long.
///
/// The thread writes, without a lock; anybody reads.
struct RoundTimer: ~Copyable, Sendable {
    /// Monotonic clock, nanoseconds; 0 between two rounds.
    private let start = Atomic<UInt64>(0)

    func begin(at now: UInt64) { start.store(now, ordering: .relaxed) }
    func end() { start.store(0, ordering: .relaxed) }

    /// 0 between two rounds.
    func time(at now: UInt64 = MonotonicClock.now) -> Duration {
        let start = start.load(ordering: .relaxed)
        return start == 0 || now < start ? .zero : .nanoseconds(Int64(clamping: now - start))
    }
}
