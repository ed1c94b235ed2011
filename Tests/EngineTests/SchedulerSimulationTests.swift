import ModelFiles
import Models
import Testing

@testable import Engine

/// Random arrivals, stops, cancels, deadlines and memory shortages; every invariant is checked after every step.
@Suite struct SchedulerSimulationTests {
    @Test(arguments: 0..<24) func nothingLeaksStarvesOrExceedsABudget(seed: Int) {
        let kv = KVGeometry(bytesPerBlock: 1, blockCount: [10, 24, 200][seed % 3])
        var simulation = Simulation(seed: seed, kv: kv, sharedMax: 100)
        simulation.runToTheEnd()
        #expect(simulation.cachedTokens > 0 && simulation.lateSteps > 0)
        if kv.blockCount == 10 { #expect(simulation.scheduler.pauseCount > 0) }
    }

    @Test(arguments: 0..<30) func norDoesAnyOfBothGroups(seed: Int) {
        let window = [40, 1, 64, 100, 33][seed % 5]
        let kv = KVGeometry.windowed(positions: window, budget: [50, 120, 1000][seed % 3])
        var simulation = Simulation(seed: seed, kv: kv, sharedMax: 300)
        simulation.runToTheEnd()
        #expect(simulation.cachedTokens > 0)
        if simulation.limits.columnsMax > 8 { #expect(simulation.draftsAccepted > 0) }
        if kv.budgetBytes == 50 {
            #expect(simulation.scheduler.pauseCount > 0 && simulation.discards > 0)
        }
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
    var draftsAccepted = 0
    var discards = 0
    var lateSteps = 0
    var lastWasLate = false
    /// Tokens that the beginnings of prompts have in common at most.
    let sharedMax: Int
    /// What each place of each block holds: the hash of all tokens up to it, as keys and values would. [group]
    var memory: [[UInt64]]

    init(seed: Int, kv: KVGeometry, sharedMax: Int) {
        self.sharedMax = sharedMax
        random = TestRandom(seed: UInt64(seed))
        let columnsMax = [8, 40, 128, 512][seed % 4]
        limits = SchedulerLimits(
            columnsMax: columnsMax, sequencesMax: min(columnsMax, 6 + random.below(20)),
            kv: kv, chunkColumnsMax: seed % 5 == 0 ? 7 : .max,
            interTokenSeconds: [0.005, 0.1][seed % 2])
        scheduler = Scheduler(limits)
        memory = KVGroup.allCases.map { Array(repeating: 0, count: kv.blockCount(of: $0) * 32) }
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
        let cache = scheduler.cache
        #expect(cache.memory.freeBytes == limits.kv.budgetBytes && scheduler.sequencesRunning == 0)
        #expect(cache.memory.full.freeCount == limits.kv.blockCount)
        #expect(cache.memory.window?.usedCount ?? 0 == 0)
        #expect(cache.index.count == cache.memory.full.keptCount)
        #expect(cache.index.attachedCount == cache.memory.window?.keptCount ?? 0)
    }

    private mutating func arrive() {
        arrived += 1
        // Prompts that share beginnings, of lengths that share blocks and end within them.
        let stem = random.below(4)
        let shared = random.below(sharedMax)
        let own = 1 + random.below(60)
        let prompt =
            run(stem * 1000, shared) + (0..<own).map { _ in TokenID(100_000 + random.below(3)) }
        let answer = min(random.below(60), limits.kv.positionsMax - prompt.count)
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
        var plan = scheduler.plan()
        if limits.kv.window != nil, plan.prefillColumnCount == 0 { addDrafts(to: &plan) }
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
        for operation in scheduler.takeOperations() { perform(operation) }
        expect(!(lastWasLate && plan.mayLeavePrompts), "prompts are read at least in every other step")
        lastWasLate = plan.mayLeavePrompts && random.below(3) == 0
        for slice in plan.slices.prefix(lastWasLate ? plan.decodingSliceCount : .max) { write(slice) }
        if lastWasLate { leavePrompts(of: &plan) }
        scheduler.complete(plan)
        for operation in scheduler.takeOperations() { perform(operation) }
        draw(plan)
        let seconds = 0.001 + 0.0001 * Double(plan.work.columns)
        scheduler.observe(plan, seconds: seconds)
        now += UInt64(seconds * 1e9)
    }

    /// What the model has written of them is worth nothing.
    private mutating func leavePrompts(of plan: inout StepPlan) {
        for slice in plan.slices[plan.decodingSliceCount...] {
            let table = slice.sequence.table
            for position in slice.position..<slice.position + slice.count {
                memory[0][Int(table.blocks[position / 32]) * 32 + position % 32] = 0
                guard limits.kv.window != nil else { continue }
                memory[1][Int(table.windowBlocks[position / 32]) * 32 + position % 32] = 0
            }
        }
        let planned = plan.work.columns
        scheduler.leavePrompts(of: &plan, computedShare: 0.5)
        expect(
            plan.slices.count == plan.decodingSliceCount && plan.prefillColumnCount == 0, "decoders are left")
        expect(plan.slices.count...planned ~= plan.work.columns, "half of the work counts")
        lateSteps += 1
    }

    private mutating func draw(_ plan: StepPlan) {
        for slice in plan.slices where slice.reachesEnd {
            let group = slice.sequence.group
            if slice.sequence.answerCount == 0 { cachedTokens += group.cachedTokens }
            for sequence in slice.sequence.answerCount == 0 ? group.live : [slice.sequence] {
                drawNext(of: sequence)
            }
            for draft in slice.drafts {
                guard slice.sequence.phase == .decoding, slice.sequence.tokens.last == draft else { break }
                draftsAccepted += 1
                scheduler.acceptDraft(of: slice.sequence)
                drawNext(of: slice.sequence)
            }
        }
    }

    private mutating func drawNext(of sequence: Sequence) {
        let size = sequence.group.size
        guard size.answerMax > 0, random.below(40) > 0 else { return scheduler.finish(sequence) }
        scheduler.append(TokenID(random.below(2)), to: sequence)
        if sequence.answerCount == size.answerMax { scheduler.finish(sequence) }
    }

    private mutating func addDrafts(to plan: inout StepPlan) {
        for place in plan.slices.indices where random.below(2) == 0 {
            let sequence = plan.slices[place].sequence
            let room = min(
                limits.columnsMax - plan.work.columns,
                sequence.group.size.answerMax - sequence.answerCount - 1)
            guard room > 0 else { continue }
            let count = scheduler.reserve(drafts: min(room, 1 + random.below(7)), for: sequence)
            plan.add(drafts: (0..<count).map { _ in TokenID(random.below(2)) }, to: place)
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

    private mutating func perform(_ operation: BlockOperation) {
        switch operation {
        case .copy(let group, let source, let destination, let tokens):
            for offset in 0..<tokens {
                memory[group.rawValue][Int(destination) * 32 + offset] =
                    memory[group.rawValue][Int(source) * 32 + offset]
            }
        case .discard(let group, let block):
            discards += 1
            for offset in 0..<32 { memory[group.rawValue][Int(block) * 32 + offset] = 0 }
        }
    }

    /// A place holds what its token and all before it say; those before are read from the sequence's own blocks: all of
    /// the full group, and of the window group what the first column sees.
    private mutating func write(_ slice: StepPlan.Slice) {
        let tokens = slice.sequence.tokens + slice.drafts
        let table = slice.sequence.table
        var hash: UInt64 = 1
        for position in 0..<slice.position + slice.count {
            hash = (hash ^ UInt64(tokens[position])) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 31
            visit(position, table.blocks, .full, hash, isRead: position < slice.position)
            if let window = limits.kv.window, position > slice.position - window.positions {
                visit(position, table.windowBlocks, .window, hash, isRead: position < slice.position)
            }
        }
    }

    private mutating func visit(
        _ position: Int, _ blocks: [Int32], _ group: KVGroup, _ hash: UInt64, isRead: Bool
    ) {
        guard blocks[position / 32] >= 0 else { return expect(false, "a block that is needed is there") }
        let place = Int(blocks[position / 32]) * 32 + position % 32
        if isRead {
            expect(
                memory[group.rawValue][place] == hash,
                "keys and values are those of the sequence's own tokens")
        } else {
            memory[group.rawValue][place] = hash
        }
    }

    // MARK: - Invariants

    private func expectSound() {
        let (blocks, index) = (scheduler.cache.memory, scheduler.cache.index)
        let sequences = live.flatMap(\.sequences)
        let running = live.flatMap { group in
            group.leader.map { [.prefilling, .decoding].contains($0.phase) } ?? false || group.isForked
                ? group.live.filter { $0.phase != .paused } : []
        }
        expect(scheduler.sequencesRunning == running.count, "sequences that run")
        expect(scheduler.sequencesRunning <= limits.sequencesMax, "sequences at once")
        let references = [
            expectSound(blocks.full, .full, sequences.flatMap(\.table.blocks)),
            blocks.window.map { expectSound($0, .window, sequences.flatMap(\.table.windowBlocks)) } ?? [:],
        ]
        expect(
            blocks.usedBytes == references[0].count * limits.kv.bytesPerBlock
                + references[1].count * limits.kv.bytesPerBlock(of: .window), "bytes in use")
        expect(blocks.residentBytes <= limits.kv.budgetBytes, "the budget")
        for block in 0..<Int32(blocks.full.blockCount) {
            guard let parent = index.parent(of: block), case .block(let above) = parent else { continue }
            expect(index.contains(above), "a block's parent is in the index")
            expect(
                references[0][block] == nil || references[0][above] != nil,
                "who holds a block holds its parent")
        }
        for block in 0..<Int32(blocks.window?.blockCount ?? 0) {
            guard let owner = index.owner(ofWindow: block) else { continue }
            expect(index.window(of: owner) == block, "attached once")
            expect(
                references[1][block] == nil || references[0][owner] != nil,
                "who holds an attached block holds its owner")
        }
        for sequence in sequences { expectSound(sequence, references) }
        expect(scheduler.decoding.map(\.rank) == scheduler.decoding.map(\.rank).sorted(), "decoding by rank")
    }

    /// How often each block of a group is held.
    private func expectSound(_ pool: BlockPool, _ group: KVGroup, _ held: [Int32]) -> [Int32: Int] {
        var references: [Int32: Int] = [:]
        for block in held where block != BlockTable.none { references[block, default: 0] += 1 }
        expect(references.allSatisfy { pool.referenceCount($0) == $1 }, "references")
        expect(references.count + pool.freeCount == pool.blockCount, "no leaked block")
        return references
    }

    private func expectSound(_ sequence: Sequence, _ references: [[Int32: Int]]) {
        let table = sequence.table
        switch sequence.phase {
        case .waiting, .following, .paused, .finished:
            expect(
                table.blocks.isEmpty && table.windowBlocks.isEmpty && sequence.computed == 0
                    || sequence.phase == .finished, "owns nothing")
        case .prefilling: expect(sequence.computed < sequence.tokens.count, "something to read")
        case .decoding: expect(sequence.computed == sequence.tokens.count - 1, "computed positions")
        }
        // The block that is written next has no other owner.
        let next = sequence.computed / 32
        if next < table.blocks.count {
            expect(references[0][table.blocks[next]] == 1, "a written block has one owner")
        }
        guard let window = limits.kv.window else { return }
        expect(table.windowBlocks.count == table.blocks.count, "as many blocks of each group")
        expect(
            table.windowBlocks.enumerated().allSatisfy {
                ($1 == BlockTable.none) == ($0 < table.windowStart)
            },
            "the window group's blocks are held without a gap")
        expect(
            table.windowStart == min(window.firstBlock(seenFrom: sequence.computed), table.blocks.count),
            "what nobody sees was given back")
        if let block = table.windowBlock(next) {
            expect(references[1][block] == 1, "a written block of the window group has one owner")
        }
    }

    /// `#expect` without its cost, for what is checked a million times.
    private func expect(_ condition: Bool, _ what: Comment) {
        if !condition { Issue.record(what) }
    }
}
