import Testing

@testable import Engine

@Suite struct FairnessTests {
    private func waiting(_ id: RequestID, key: String = "", priority: Int = 0, at seconds: UInt64 = 0)
        -> SequenceGroup
    {
        group(id, prompt: [1], arrivedAt: seconds * 1_000_000_000) {
            $0.key = key
            $0.priority = priority
        }
    }

    private func order(_ groups: [SequenceGroup]) -> [RequestID] {
        var queue = WaitingQueue()
        for group in groups { queue.insert(group) }
        var order: [RequestID] = []
        while let next = queue.next(FairShares()) {
            queue.remove(next)
            order.append(next.id)
        }
        #expect(queue.isEmpty)
        return order
    }

    @Test func withinAKeyPriorityGoesFirstThenArrival() {
        let groups = [
            waiting(1), waiting(2, priority: 1), waiting(3, priority: -1), waiting(4),
            waiting(5, priority: -1),
        ]
        #expect(order(groups) == [3, 5, 1, 4, 2])
    }

    @Test func tenSecondsOfWaitingAreWorthOneStepOfPriority() {
        #expect(order([waiting(1, priority: 3, at: 0), waiting(2, at: 29)]) == [2, 1])
        #expect(order([waiting(1, priority: 3, at: 0), waiting(2, at: 31)]) == [1, 2])
    }

    @Test func theKeyThatWasGivenLessGoesFirst() {
        var shares = FairShares()
        var queue = WaitingQueue()
        for group in [waiting(1, key: "a"), waiting(2, key: "a"), waiting(3, key: "b")] {
            shares.enter(group.request.key)
            queue.insert(group)
        }
        #expect(queue.next(shares)?.id == 1)
        shares.charge("a", columns: 5)
        #expect(queue.next(shares)?.id == 3)
        shares.charge("b", columns: 6)
        #expect(queue.next(shares)?.id == 1)
    }

    @Test func aKeyThatWasAwayGetsNoCredit() {
        var shares = FairShares()
        shares.enter("a")
        shares.charge("a", columns: 1000)
        shares.enter("b")
        #expect(shares.columns("b") == 1000)
        shares.leave("b")
        shares.leave("a")
        #expect(shares.isEmpty)
    }

    /// One key fills the queue with long prompts; another one's short prompts do not wait for them.
    @Test func manyRequestsOfOneKeyDoNotHoldUpAnother() {
        let scheduler = Scheduler(columnsMax: 64, sequencesMax: 32, blockCount: 1000)
        for id in 1...20 {
            scheduler.enqueue(
                group(RequestID(id), prompt: run(id * 1000, 400), answer: 1) { $0.key = "many" })
        }
        scheduler.complete(scheduler.plan())
        let one = group(100, prompt: run(90_000, 60), answer: 1) { $0.key = "one" }
        scheduler.enqueue(one)
        var steps = 0
        while one.sequences[0].phase != .decoding, steps < 10 {
            scheduler.complete(scheduler.plan())
            steps += 1
        }
        #expect(steps <= 2)
    }
}
