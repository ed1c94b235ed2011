import Testing

@testable import HTTP

@Suite("Timer heap")
struct TimerHeapTests {
    private final class Target: TimerTarget {
        var timerSlot: Int?
        var deadline: UInt64?
        func deadlineReached(now: UInt64) {}
    }

    @Test("Targets come out in the order of their deadlines, through any moves and removals")
    func order() {
        var random = SmallRandom(seed: 11)
        var heap = TimerHeap()
        let targets = (0..<50).map { _ in Target() }
        for _ in 0..<2_000 {
            let target = targets[Int(random.next(50))]
            target.deadline = random.next(4) == 0 ? nil : random.next(1_000)
            heap.set(target, target.deadline)
            #expect(heap.earliest == targets.compactMap(\.deadline).min())
        }
        var last: UInt64 = 0
        while let target = heap.popExpired(now: .max) as? Target {
            let deadline = target.deadline ?? 0
            #expect(deadline >= last)
            #expect(target.timerSlot == nil)
            target.deadline = nil
            last = deadline
        }
        #expect(heap.count == 0)
        #expect(targets.allSatisfy { $0.deadline == nil })
    }

    @Test("Nothing comes out before its time")
    func early() {
        var heap = TimerHeap()
        let target = Target()
        heap.set(target, 10)
        #expect(heap.popExpired(now: 9) == nil)
        #expect(heap.popExpired(now: 10) === target)
    }
}
