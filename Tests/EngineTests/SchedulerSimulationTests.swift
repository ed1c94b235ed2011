import ModelFiles
import Testing

@testable import Engine

/// Random arrivals, stops, cancels, deadlines and memory shortages; every invariant is checked after every step.
@Suite struct SchedulerSimulationTests {
    @Test(arguments: 0..<24) func nothingLeaksStarvesOrExceedsABudget(seed: Int) {
        var simulation = Simulation(seed: seed)
        simulation.runToTheEnd()
        #expect(simulation.cachedTokens > 0)
        if simulation.limits.blockCount == 10 { #expect(simulation.scheduler.pauseCount > 0) }
    }
}

private struct Simulation {
    static let arrivals: RequestID = 300

    let scheduler: Scheduler
    let limits: SchedulerLimits
    var random: TestRandom
    var live: [SequenceGroup] = []
    var arrived: RequestID = 0
    /// Nanoseconds; a step takes 1 ms and 0.1 ms a column.
    var now: UInt64 = 0
    /// Of all requests whose prompts were read.
    var cachedTokens = 0
    /// What each place of each block holds: the hash of all tokens up to it, as keys and values would.
    var memory: [UInt64]

    init(seed: Int) {
        random = TestRandom(seed: UInt64(seed))
        let columnsMax = [8, 40, 128, 512][seed % 4]
        limits = SchedulerLimits(
            columnsMax: columnsMax, sequencesMax: min(columnsMax, 6 + random.below(20)),
            blockCount: [10, 24, 200][seed % 3], chunkColumnsMax: seed % 5 == 0 ? 7 : .max,
            interTokenSeconds: [0.005, 0.1][seed % 2])
        scheduler = Scheduler(limits)
        memory = Array(repeating: 0, count: limits.blockCount * 32)
    }

    mutating func runToTheEnd() {
        var steps = 0
        while arrived < Self.arrivals || !scheduler.isIdle {
            while arrived < Self.arrivals, random.below(3) == 0 { arrive() }
            if random.below(6) == 0, !live.isEmpty {
                let victim = live[random.below(live.count)]
                for sequence in victim.sequences where random.below(2) == 0 { scheduler.finish(sequence) }
            }
            for group in scheduler.expired(at: now) { group.live.forEach(scheduler.finish) }
            live.removeAll { $0.leader == nil }
            expectSound()
            step()
            live.removeAll { $0.leader == nil }
            steps += 1
            guard steps < 100_000 else { break }
        }
        #expect(scheduler.isIdle && live.isEmpty && scheduler.shares.isEmpty)
        #expect(scheduler.cache.pool.freeCount == limits.blockCount && scheduler.sequencesRunning == 0)
        #expect(scheduler.cache.index.count == scheduler.cache.pool.keptCount)
    }

    private mutating func arrive() {
        arrived += 1
        // Prompts that share beginnings, of lengths that share blocks and end within them.
        let stem = random.below(4)
        let shared = random.below(100)
        let own = 1 + random.below(60)
        let prompt =
            run(stem * 1000, shared) + (0..<own).map { _ in TokenID(100_000 + random.below(3)) }
        let answer = min(random.below(60), limits.blockCount * 32 - prompt.count)
        let choices = 1 + random.below(min(3, limits.sequencesMax))
        let new = group(arrived, prompt: prompt, answer: answer, choices: choices, arrivedAt: now) {
            $0.key = ["a", "b", "c"][random.below(3)]
            $0.cacheSalt = random.below(5) == 0 ? "salt" : ""
            $0.usesPrefixCache = random.below(8) > 0
            $0.priority = random.below(3) - 1
            $0.timeout = random.below(10) == 0 ? .milliseconds(1 + random.below(2000)) : nil
        }
        scheduler.enqueue(new)
        live.append(new)
    }

    /// Plans, computes and draws as the engine's loop does.
    private mutating func step() {
        let plan = scheduler.plan()
        expect(plan.work.columns <= limits.columnsMax, "column budget")
        expect(plan.slices.reduce(0) { $0 + $1.count } == plan.work.columns, "column count")
        expect(plan.slices.allSatisfy { $0.count > 0 }, "no empty slice")
        expect(!plan.slices.isEmpty || scheduler.isIdle, "work goes on")
        expect(
            Set(plan.slices.map { ObjectIdentifier($0.sequence) }).count == plan.slices.count,
            "one slice each")
        let planned = Set(plan.slices.map { ObjectIdentifier($0.sequence) })
        expect(
            scheduler.decoding.allSatisfy { planned.contains(ObjectIdentifier($0)) }, "decoders have columns")
        expectTime(plan)
        for copy in plan.copies { make(copy) }
        for slice in plan.slices { write(slice) }
        for copy in scheduler.complete(plan) { make(copy) }
        draw(plan)
        let seconds = 0.001 + 0.0001 * Double(plan.work.columns)
        scheduler.observe(plan, seconds: seconds)
        now += UInt64(seconds * 1e9)
    }

    private mutating func draw(_ plan: StepPlan) {
        for slice in plan.slices where slice.reachesEnd {
            let group = slice.sequence.group
            if slice.sequence.answerCount == 0 { cachedTokens += group.cachedTokens }
            for sequence in slice.sequence.answerCount == 0 ? group.live : [slice.sequence] {
                if group.size.answerMax == 0 || random.below(40) == 0 {
                    scheduler.finish(sequence)
                } else {
                    scheduler.append(TokenID(random.below(2)), to: sequence)
                    if sequence.answerCount == group.size.answerMax { scheduler.finish(sequence) }
                }
            }
        }
    }

    /// Beside those who decode, prompts take no more than the time that is left, or their least part.
    private func expectTime(_ plan: StepPlan) {
        guard scheduler.timeModel.isFitted else { return }
        let decoders = plan.work.columns - plan.prefillColumnCount
        guard decoders > 0, plan.prefillColumnCount > SchedulerLimits.prefillColumnsMin else { return }
        let decoding = 0.001 + 0.0001 * Double(decoders)
        let allowed = max(limits.interTokenSeconds, (1 + SchedulerLimits.prefillShareMin) * decoding)
        expect(0.001 + 0.0001 * Double(plan.work.columns) < 1.2 * allowed, "time budget")
    }

    // MARK: - Keys and values

    private mutating func make(_ copy: BlockCopy) {
        for offset in 0..<copy.tokens {
            memory[Int(copy.destination) * 32 + offset] = memory[Int(copy.source) * 32 + offset]
        }
    }

    /// A place holds what its token and all before it say; those before are read from the sequence's own blocks.
    private mutating func write(_ slice: StepPlan.Slice) {
        let sequence = slice.sequence
        var hash: UInt64 = 1
        for position in 0..<slice.position + slice.count {
            hash = (hash ^ UInt64(sequence.tokens[position])) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 31
            let place = Int(sequence.table.blocks[position / 32]) * 32 + position % 32
            if position < slice.position {
                expect(memory[place] == hash, "keys and values are those of the sequence's own tokens")
            } else {
                memory[place] = hash
            }
        }
    }

    // MARK: - Invariants

    private func expectSound() {
        let (pool, index) = (scheduler.cache.pool, scheduler.cache.index)
        let sequences = live.flatMap(\.sequences)
        let running = live.flatMap { group in
            group.leader.map { [.prefilling, .decoding].contains($0.phase) } ?? false || group.isForked
                ? group.live.filter { $0.phase != .paused } : []
        }
        expect(scheduler.sequencesRunning == running.count, "sequences that run")
        expect(scheduler.sequencesRunning <= limits.sequencesMax, "sequences at once")
        var references: [Int32: Int] = [:]
        for block in sequences.flatMap(\.table.blocks) { references[block, default: 0] += 1 }
        expect(references.allSatisfy { pool.referenceCount($0) == $1 }, "references")
        expect(references.count + pool.freeCount == pool.blockCount, "no leaked block")
        for block in 0..<Int32(pool.blockCount) {
            guard let parent = index.parent(of: block), case .block(let above) = parent else { continue }
            expect(index.contains(above), "a block's parent is in the index")
            expect(
                pool.referenceCount(block) == 0 || pool.referenceCount(above) > 0,
                "who holds a block holds its parent")
        }
        for sequence in sequences { expectSound(sequence, references) }
        expect(scheduler.decoding.map(\.rank) == scheduler.decoding.map(\.rank).sorted(), "decoding by rank")
    }

    private func expectSound(_ sequence: Sequence, _ references: [Int32: Int]) {
        switch sequence.phase {
        case .waiting, .following, .paused, .finished:
            expect(
                sequence.table.blocks.isEmpty && sequence.computed == 0 || sequence.phase == .finished,
                "owns nothing")
        case .prefilling: expect(sequence.computed < sequence.tokens.count, "something to read")
        case .decoding: expect(sequence.computed == sequence.tokens.count - 1, "computed positions")
        }
        // The block that is written next has no other owner.
        let next = sequence.computed / 32
        if next < sequence.table.blocks.count {
            expect(references[sequence.table.blocks[next]] == 1, "a written block has one owner")
        }
    }

    /// `#expect` without its cost, for what is checked a million times.
    private func expect(_ condition: Bool, _ what: Comment) {
        if !condition { Issue.record(what) }
    }
}
