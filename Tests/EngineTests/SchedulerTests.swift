import ModelFiles
import Testing

@testable import Engine

@Suite struct SchedulerTests {
    private func group(
        _ id: RequestID, prompt promptCount: Int, answer: Int, choices: Int = 1
    ) -> SequenceGroup {
        var request = GenerationRequest(prompt: Array(repeating: 1, count: promptCount), tokensMax: answer)
        request.choiceCount = choices
        let size = RequestSize(promptCount: promptCount, answerMax: answer, choiceCount: choices)
        return SequenceGroup(id: id, request: request, size: size)
    }

    @Test func requestsAreSizedByTheirWorstCase() {
        func blocks(_ prompt: Int, _ answer: Int, _ choices: Int) -> Int {
            RequestSize(promptCount: prompt, answerMax: answer, choiceCount: choices).blocks(choices: choices)
        }
        #expect(blocks(32, 0, 3) == 1 && blocks(32, 1, 3) == 1)
        #expect(blocks(32, 2, 1) == 2 && blocks(32, 2, 3) == 4)
        #expect(blocks(33, 1, 4) == 2 && blocks(33, 2, 4) == 5)
        #expect(blocks(31, 2, 4) == 4 && blocks(31, 3, 4) == 8)
    }

    @Test func decodeColumnsComeFirstThenPromptsInOrder() {
        let scheduler = Scheduler(columnsMax: 100, sequencesMax: 10, blockCount: 100)
        let groups = [
            group(1, prompt: 5, answer: 9), group(2, prompt: 130, answer: 9), group(3, prompt: 20, answer: 9),
        ]
        scheduler.enqueue(groups[0])
        step(scheduler)
        scheduler.enqueue(groups[1])
        scheduler.enqueue(groups[2])
        #expect(columns(step(scheduler)) == [[1, 5, 1], [2, 0, 64]])
        #expect(columns(step(scheduler)) == [[1, 6, 1], [2, 64, 64]])
        #expect(columns(step(scheduler)) == [[1, 7, 1], [2, 128, 2], [3, 0, 20]])
        #expect(columns(step(scheduler)) == [[1, 8, 1], [2, 130, 1], [3, 20, 1]])
    }

    @Test func aRequestWaitsUntilItsWorstCaseFits() {
        let scheduler = Scheduler(columnsMax: 100, sequencesMax: 10, blockCount: 4)
        let first = group(1, prompt: 10, answer: 60)
        scheduler.enqueue(first)
        scheduler.enqueue(group(2, prompt: 10, answer: 60))
        scheduler.enqueue(group(3, prompt: 1, answer: 1))
        #expect(step(scheduler).admitted.map(\.id) == [1])
        #expect(step(scheduler).admitted.isEmpty)
        first.sequences.forEach(scheduler.finish)
        #expect(step(scheduler).admitted.map(\.id) == [2, 3])
    }

    @Test func sequencesThatRunAtOnceAreLimited() {
        let scheduler = Scheduler(columnsMax: 100, sequencesMax: 4, blockCount: 100)
        scheduler.enqueue(group(1, prompt: 1, answer: 9, choices: 3))
        scheduler.enqueue(group(2, prompt: 1, answer: 9, choices: 2))
        #expect(step(scheduler).admitted.map(\.id) == [1])
        #expect(step(scheduler).admitted.isEmpty)
    }

    @Test func anotherChoiceReadsOnWhenTheFirstIsCancelledInThePrompt() throws {
        let scheduler = Scheduler(columnsMax: 40, sequencesMax: 10, blockCount: 20)
        let three = group(1, prompt: 100, answer: 30, choices: 3)
        scheduler.enqueue(three)
        step(scheduler)
        scheduler.finish(three.sequences[0])
        expectSound(scheduler, [three])
        #expect(columns(step(scheduler)) == [[1, 40, 40]])
        #expect(columns(step(scheduler)) == [[1, 80, 20]])
        #expect(scheduler.decoding.map(\.choice) == [1, 2])
        for sequence in scheduler.decoding + scheduler.decoding { scheduler.finish(sequence) }
        #expect(scheduler.isIdle && scheduler.pool.freeCount == 20 && scheduler.blocksReserved == 0)
    }

    /// Random arrivals, stops and cancels over a small memory; every invariant is checked after every step.
    @Test(arguments: 0..<12) func nothingLeaksStarvesOrExceedsABudget(seed: Int) {
        var random = TestRandom(seed: UInt64(seed))
        let columnsMax = [8, 40, 128][seed % 3]
        let sequencesMax = min(columnsMax, 6 + random.below(20))
        let scheduler = Scheduler(columnsMax: columnsMax, sequencesMax: sequencesMax, blockCount: 24)
        var live: [SequenceGroup] = []
        var admitted: [RequestID] = []
        var arrived: RequestID = 0
        let arrivals: RequestID = 250
        var steps = 0
        while arrived < arrivals || !scheduler.isIdle {
            while arrived < arrivals, random.below(3) == 0 {
                arrived += 1
                let new = group(
                    arrived, prompt: 1 + random.below(150), answer: random.below(60),
                    choices: 1 + random.below(3))
                guard new.size.blocks(choices: new.size.choiceCount) <= 24 else { continue }
                scheduler.enqueue(new)
                live.append(new)
            }
            if random.below(6) == 0, !live.isEmpty {
                let victim = live[random.below(live.count)]
                for sequence in victim.sequences where random.below(2) == 0 { scheduler.finish(sequence) }
            }
            expectSound(scheduler, live)
            let plan = step(scheduler, stopsOneIn: 40, random: &random)
            expect(plan.columnCount <= columnsMax, "column budget")
            admitted += plan.admitted.map(\.id)
            live.removeAll { $0.leader == nil }
            steps += 1
            guard steps < 60_000 else { break }
        }
        #expect(scheduler.isIdle && live.isEmpty)
        #expect(
            scheduler.pool.freeCount == 24 && scheduler.blocksReserved == 0 && scheduler.sequencesRunning == 0
        )
        #expect(admitted == admitted.sorted())
    }

    /// The sums that `Scheduler` keeps are those of its sequences, and each block belongs to somebody.
    private func expectSound(_ scheduler: Scheduler, _ groups: [SequenceGroup]) {
        let sequences = groups.flatMap(\.sequences)
        expect(scheduler.blocksReserved == sequences.reduce(0) { $0 + $1.blocksReserved }, "reserved blocks")
        expect(scheduler.blocksReserved <= scheduler.pool.freeCount, "reserved blocks are free")
        expect(scheduler.sequencesRunning <= scheduler.sequencesMax, "sequences at once")
        var references: [Int32: Int] = [:]
        for block in sequences.flatMap(\.table.blocks) { references[block, default: 0] += 1 }
        expect(references.allSatisfy { scheduler.pool.referenceCount($0) == $1 }, "references")
        expect(references.count + scheduler.pool.freeCount == scheduler.pool.blockCount, "no leaked block")
        for sequence in scheduler.decoding {
            expect(sequence.phase == .decoding, "phase")
            expect(sequence.computed == sequence.tokens.count - 1, "computed positions")
            // The block that is written next has no other owner.
            let next = sequence.computed / 32
            if next < sequence.table.blocks.count {
                expect(references[sequence.table.blocks[next]] == 1, "a written block has one owner")
            }
        }
    }

    /// `#expect` without its cost, for what is checked a hundred thousand times.
    private func expect(_ condition: Bool, _ what: Comment) {
        if !condition { Issue.record(what) }
    }

    private func columns(_ plan: StepPlan) -> [[Int]] {
        plan.slices.map { [Int($0.sequence.group.id), $0.position, $0.count] }
    }

    @discardableResult
    private func step(_ scheduler: Scheduler) -> StepPlan {
        var random = TestRandom(seed: 0)
        return step(scheduler, stopsOneIn: .max, random: &random)
    }

    /// Plans, computes and draws as the engine's loop does.
    private func step(_ scheduler: Scheduler, stopsOneIn: Int, random: inout TestRandom) -> StepPlan {
        let decoders = scheduler.decoding
        let plan = scheduler.plan()
        expect(zip(plan.slices, decoders).allSatisfy { $0.sequence === $1 }, "decoders come first")
        expect(plan.slices.count >= decoders.count, "every decoder has a column")
        expect(plan.slices.reduce(0) { $0 + $1.count } == plan.columnCount, "column count")
        expect(
            decoders.isEmpty || plan.promptColumnCount <= Scheduler.prefillColumnsBesideDecoders,
            "prompt columns beside decoders")
        expect(!plan.slices.isEmpty || scheduler.isIdle, "work goes on")
        _ = scheduler.complete(plan)
        for sequence in scheduler.decoding {
            let size = sequence.group.size
            let stops = stopsOneIn < .max && random.below(stopsOneIn) == 0
            if size.answerMax == 0 || stops {
                scheduler.finish(sequence)
            } else {
                scheduler.append(1, to: sequence)
                if sequence.answerCount == size.answerMax { scheduler.finish(sequence) }
            }
        }
        return plan
    }
}
