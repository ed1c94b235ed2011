/// Calls something from a loop again and again, as long as the loop turns. Confined to its loop.
final class Heartbeat: TimerTarget, @unchecked Sendable {
    var timerSlot: Int?

    private unowned let loop: EventLoop
    private let nanoseconds: UInt64
    private let beat: @Sendable () -> Void

    init(_ loop: EventLoop, every interval: Duration, _ beat: @escaping @Sendable () -> Void) {
        self.loop = loop
        nanoseconds = max(1_000_000, interval.nanoseconds)
        self.beat = beat
    }

    func deadlineReached(now: UInt64) {
        beat()
        loop.setTimer(self, now + nanoseconds)
    }
}
