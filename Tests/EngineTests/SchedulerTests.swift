import ModelFiles
import Testing

@testable import Engine

@Suite struct SchedulerTests {
    @Test func decodeColumnsComeFirstThenPromptsInOrder() {
        let scheduler = Scheduler(columnsMax: 100, sequencesMax: 10, blockCount: 100, chunk: 64)
        scheduler.enqueue(group(1, prompt: run(0, 5), answer: 9))
        step(scheduler)
        scheduler.enqueue(group(2, prompt: run(1000, 130), answer: 9))
        scheduler.enqueue(group(3, prompt: run(2000, 20), answer: 9))
        #expect(columns(step(scheduler)) == [[1, 5, 1], [2, 0, 64], [3, 0, 20]])
        #expect(columns(step(scheduler)) == [[1, 6, 1], [3, 20, 1], [2, 64, 64]])
        #expect(columns(step(scheduler)) == [[1, 7, 1], [3, 21, 1], [2, 128, 2]])
        #expect(columns(step(scheduler)) == [[1, 8, 1], [2, 130, 1], [3, 22, 1]])
    }

    @Test func besideDecodersAChunkFitsTheTimeAndAloneItIsLarge() {
        // 1 ms a step, 0.1 ms a column; 90 ms of 100 are planned for, 450 of 500.
        let scheduler = Scheduler(columnsMax: 8000, sequencesMax: 10, blockCount: 1000)
        scheduler.enqueue(group(1, prompt: run(0, 5), answer: 9))
        step(scheduler)
        scheduler.enqueue(group(2, prompt: run(0, 6000), answer: 9))
        let beside = columns(step(scheduler))
        #expect(beside[0] == [1, 5, 1] && (700...900).contains(beside[1][2]))
        #expect((beside[1][1] + beside[1][2]) % 32 == 0)
        for sequence in scheduler.decoding { scheduler.finish(sequence) }
        #expect((4000...4500).contains(columns(step(scheduler))[0][2]))
    }

    @Test func aPromptGoesOnHoweverSlowTheOthersAre() {
        let scheduler = Scheduler(
            SchedulerLimits(
                columnsMax: 100, sequencesMax: 10, kv: .init(bytesPerBlock: 1, blockCount: 100),
                interTokenSeconds: 0.001))
        scheduler.enqueue(group(1, prompt: run(0, 5), answer: 90))
        step(scheduler, seconds: 1)
        step(scheduler, seconds: 1)
        scheduler.enqueue(group(2, prompt: run(1000, 64), answer: 9))
        #expect(columns(step(scheduler, seconds: 1))[1][2] >= SchedulerLimits.prefillColumnsMin)
    }

    @Test func aRequestWaitsUntilItsPromptFitsBesideTheOthers() {
        let scheduler = Scheduler(columnsMax: 100, sequencesMax: 10, blockCount: 4)
        let first = group(1, prompt: run(0, 70), answer: 50)
        scheduler.enqueue(first)
        scheduler.enqueue(group(2, prompt: run(1000, 40), answer: 20))
        scheduler.enqueue(group(3, prompt: run(2000, 1), answer: 1))
        #expect(step(scheduler).admitted.map(\.id) == [1])
        #expect(step(scheduler).admitted.isEmpty)
        first.sequences.forEach(scheduler.finish)
        #expect(step(scheduler).admitted.map(\.id) == [2, 3])
    }

    @Test func sequencesThatRunAtOnceAreLimited() {
        let scheduler = Scheduler(columnsMax: 100, sequencesMax: 4, blockCount: 100)
        scheduler.enqueue(group(1, prompt: run(0, 1), answer: 9, choices: 3))
        scheduler.enqueue(group(2, prompt: run(9, 1), answer: 9, choices: 2))
        #expect(step(scheduler).admitted.map(\.id) == [1])
        #expect(step(scheduler).admitted.isEmpty)
    }

    @Test func anotherChoiceReadsOnWhenTheFirstIsCancelledInThePrompt() throws {
        let scheduler = Scheduler(columnsMax: 40, sequencesMax: 10, blockCount: 20)
        let three = group(1, prompt: run(0, 100), answer: 30, choices: 3)
        scheduler.enqueue(three)
        let before = step(scheduler).work.columns
        scheduler.finish(three.sequences[0])
        #expect(scheduler.sequencesRunning == 2)
        #expect(columns(step(scheduler))[0][1] == before)
        while scheduler.decoding.isEmpty { step(scheduler) }
        #expect(scheduler.decoding.map(\.choice) == [1, 2] && three.promptColumns == 100)
        for sequence in scheduler.decoding { scheduler.finish(sequence) }
        #expect(
            scheduler.isIdle && scheduler.cache.memory.full.freeCount == 20 && scheduler.sequencesRunning == 0
        )
    }

    @Test func aChoiceCancelledInTheQueueHandsItsPlaceOn() {
        let scheduler = Scheduler(columnsMax: 40, sequencesMax: 10, blockCount: 20)
        let two = group(1, prompt: run(0, 10), answer: 30, choices: 2)
        scheduler.enqueue(two)
        scheduler.finish(two.sequences[0])
        #expect(scheduler.sequencesRunning == 0)
        step(scheduler)
        #expect(scheduler.decoding.map(\.choice) == [1] && scheduler.sequencesRunning == 1)
    }

    @Test func thirtyTwoPromptsWithACommonBeginningComputeItOnce() {
        let scheduler = Scheduler(columnsMax: 512, sequencesMax: 64, blockCount: 1000, chunk: 128)
        let groups = (1...32).map { id in
            group(RequestID(id), prompt: run(0, 300) + run(1000 * id, 20), answer: 5)
        }
        groups.forEach(scheduler.enqueue)
        var columns = 0
        while scheduler.decoding.count < 32 { columns += step(scheduler, stops: false).prefillColumnCount }
        // 300 once, 20 each, and the 12 common tokens of the tenth block for those who do not copy them.
        #expect(columns <= 300 + 32 * 20 + 31 * 12)
        #expect(groups.map(\.cachedTokens).reduce(0, +) == 32 * 320 - columns)
    }

    @Test func theNextTurnOfAChatFindsPromptAndAnswer() {
        let scheduler = Scheduler(columnsMax: 512, sequencesMax: 64, blockCount: 100)
        let first = group(1, prompt: run(0, 100), answer: 50)
        scheduler.enqueue(first)
        var tokens: [TokenID] = []
        while !scheduler.isIdle {
            step(scheduler)
            tokens = first.sequences.first?.tokens ?? tokens
        }
        // The token drawn last was never computed.
        let second = group(2, prompt: tokens + run(5000, 30), answer: 5)
        scheduler.enqueue(second)
        step(scheduler)
        #expect(tokens.count == 149 && second.cachedTokens == 149)
    }

    @Test func whoRanksLastIsPausedAndGoesOnLater() {
        let scheduler = Scheduler(columnsMax: 100, sequencesMax: 10, blockCount: 6)
        let early = group(1, prompt: run(0, 60), answer: 60, arrivedAt: 1)
        let late = group(2, prompt: run(1000, 60), answer: 60, arrivedAt: 2)
        scheduler.enqueue(early)
        scheduler.enqueue(late)
        var lateWasPaused = false
        while !scheduler.isIdle {
            step(scheduler)
            if late.sequences.first?.phase == .paused {
                lateWasPaused = true
                #expect(early.sequences.first?.phase ?? .decoding == .decoding)
            }
        }
        #expect(lateWasPaused && scheduler.pauseCount >= 1 && scheduler.cache.memory.full.freeCount == 6)
    }

    @Test func choicesThatDoNotFitTogetherTakeTurns() {
        // Each choice takes all of the memory at its end.
        let scheduler = Scheduler(columnsMax: 100, sequencesMax: 10, blockCount: 4)
        let four = group(1, prompt: run(0, 40), answer: 80, choices: 4)
        scheduler.enqueue(four)
        var counts: [Int: Int] = [:]
        var steps = 0
        while !scheduler.isIdle, steps < 2000 {
            step(scheduler)
            for sequence in four.sequences { counts[sequence.choice] = sequence.answerCount }
            steps += 1
        }
        #expect(counts == [0: 80, 1: 80, 2: 80, 3: 80] || counts.values.allSatisfy { $0 >= 79 })
        #expect(scheduler.isIdle && scheduler.cache.memory.full.freeCount == 4 && scheduler.pauseCount > 0)
    }

    @Test func aRequestIsOverAtItsDeadlineWhereverItStands() {
        let scheduler = Scheduler(columnsMax: 100, sequencesMax: 1, blockCount: 10)
        let running = group(1, prompt: run(0, 5), answer: 60, arrivedAt: 1000) {
            $0.timeout = .milliseconds(2)
        }
        let waiting = group(2, prompt: run(0, 5), answer: 60, arrivedAt: 0) { $0.timeout = .milliseconds(3) }
        scheduler.enqueue(running)
        step(scheduler)
        scheduler.enqueue(waiting)
        step(scheduler)
        #expect(scheduler.expired(at: 2_000_999).isEmpty)
        #expect(scheduler.expired(at: 2_001_000).map(\.id) == [1])
        #expect(scheduler.expired(at: 3_000_000).map(\.id) == [1, 2])
        for group in [running, waiting] { group.live.forEach(scheduler.finish) }
        #expect(scheduler.expired(at: .max).isEmpty && scheduler.isIdle)
    }

    private func columns(_ plan: StepPlan) -> [[Int]] {
        plan.slices.map { [Int($0.sequence.group.id), $0.position, $0.count] }
    }

    /// Plans, computes and draws as the engine's loop does. Tokens drawn are 7.
    @discardableResult
    private func step(_ scheduler: Scheduler, seconds: Double? = nil, stops: Bool = true) -> StepPlan {
        let plan = scheduler.plan()
        scheduler.complete(plan)
        _ = scheduler.takeOperations()
        for slice in plan.slices where slice.reachesEnd {
            let group = slice.sequence.group
            for sequence in slice.sequence.answerCount == 0 ? group.live : [slice.sequence] {
                scheduler.append(7, to: sequence)
                if stops, sequence.answerCount == group.size.answerMax { scheduler.finish(sequence) }
            }
        }
        if let seconds { scheduler.observe(plan, seconds: seconds) }
        return plan
    }
}
