import ModelFiles
import Models

/// Decides what each step computes: continuous batching over one pool of KV blocks, by time.
///
/// Arrivals, drawn tokens, finishes and cancels go in; `plan()` says which tokens of which sequences to run now. It
/// has no clock, lock or thread and is driven by the engine's loop:
///
/// ```
/// enqueue / finish* ─▶ plan() ─▶ (the model computes) ─▶ leavePrompts(plan)? ─▶ complete(plan) ─▶ append / finish, each sequence ─▶ observe
/// ```
///
/// Invariants:
/// 1. Every decoding sequence has a column in every step, unless it is paused for memory.
/// 2. Memory is not reserved. Who needs a block and finds none pauses the sequence that ranks last, perhaps
///    itself; so the first in rank always goes on, and a request that fits alone finishes.
/// 3. A step that has work has columns.
/// 4. A key that has been given less goes before one that has been given more; within a key, requests go by rank.
final class Scheduler {
    let limits: SchedulerLimits
    private(set) var cache: PrefixCache
    private(set) var timeModel = StepTimeModel()
    private(set) var shares = FairShares()
    /// Requests that were never admitted; `AdmissionGate` bounds their number.
    private(set) var waiting = WaitingQueue()
    /// By rank.
    private(set) var paused: [Sequence] = []
    /// In order of admission.
    private(set) var prefilling: [Sequence] = []
    /// By rank.
    private(set) var decoding: [Sequence] = []
    /// Live sequences that were admitted and are not paused, followers included.
    private(set) var sequencesRunning = 0
    /// Pauses since the start.
    private(set) var pauseCount = 0
    /// Counts through the steps, and through attempts to plan them.
    private var step = 0
    /// Whether the last step was late and left its prompts; the next one reads, or they would never be read.
    private var leftPrompts = false
    /// Requests with a deadline, in order of arrival.
    private var timed: [SequenceGroup] = []

    init(_ limits: SchedulerLimits) {
        precondition(
            limits.sequencesMax > 0 && limits.sequencesMax <= limits.columnsMax,
            "every sequence needs a decode column")
        self.limits = limits
        cache = PrefixCache(limits.kv)
    }

    var isIdle: Bool { waiting.isEmpty && paused.isEmpty && prefilling.isEmpty && decoding.isEmpty }

    /// A request arrives. It must be one of which each choice fits into the whole memory, and all into
    /// `sequencesMax`.
    func enqueue(_ group: SequenceGroup) {
        precondition(limits.kv.bytes(positions: group.size.positionsMax) <= limits.kv.budgetBytes)
        precondition(group.size.choiceCount <= limits.sequencesMax)
        shares.enter(group.request.key)
        waiting.insert(group)
        if group.deadline != nil { timed.append(group) }
    }

    /// What the model must do to its memory before it computes the next step. To be asked for when the plan stands, and
    /// after `complete`.
    func takeOperations() -> [BlockOperation] { cache.takeOperations() }

    /// Chooses the columns of the next step, admits what fits, and gives each slice its blocks.
    func plan() -> StepPlan {
        step += 1
        var plan = StepPlan()
        plan.slices.reserveCapacity(decoding.count + 1)
        planDecoding(&plan)
        plan.decodingSliceCount = plan.slices.count
        planPrefill(&plan)
        plan.mayLeavePrompts =
            plan.decodingSliceCount > 0 && plan.prefillColumnCount > 0 && timeModel.isFitted && !leftPrompts
        leftPrompts = false
        // Who waits for another to compute a prompt may hold the memory that the other one needs.
        while plan.slices.isEmpty, prefilling.count > 1 {
            prefilling.max { $0.rank < $1.rank }.map(pause)
            step += 1
            planPrefill(&plan)
        }
        return plan
    }

    /// Seconds that a step is expected to take, and those after which it is late.
    func bounds(_ plan: StepPlan) -> (expected: Double, latest: Double) {
        let expected = timeModel.seconds(plan.work)
        let budget = limits.interTokenSeconds * SchedulerLimits.budgetExcess
        return (expected, max(budget, expected * SchedulerLimits.expectationExcess))
    }

    /// The model was late, and left the prompts of a plan when it had gone through a part of its layers. They are read
    /// in the next step.
    func leavePrompts(of plan: inout StepPlan, computedShare: Double) {
        for slice in plan.slices[plan.decodingSliceCount...] {
            let group = slice.sequence.group
            if !group.isForked { group.promptColumns -= slice.count }
            shares.charge(group.request.key, columns: -slice.count)
            cache.giveBackUncomputed(slice.sequence)
        }
        plan.leavePrompts(computedShare: computedShare)
        leftPrompts = true
    }

    /// The model has computed a plan. Sequences that have read all of their tokens start to decode; each of them,
    /// and each one in `decoding` that had a column, now gets a token or is finished.
    func complete(_ plan: StepPlan) {
        for slice in plan.slices {
            let sequence = slice.sequence
            sequence.computed += slice.count - slice.drafts.count
            cache.noteComputed(sequence, from: slice.position)
            guard sequence.phase == .prefilling, slice.reachesEnd else { continue }
            prefilling.removeAll { $0 === sequence }
            startDecoding(sequence)
            guard !sequence.group.isForked else { continue }
            cache.notePromptRead(sequence)
            fork(sequence)
        }
    }

    /// Gives a decoding sequence blocks for drafts behind its next column, as far as there are any.
    ///
    /// - Returns: for how many there is room.
    func reserve(drafts count: Int, for sequence: Sequence) -> Int {
        while sequence.table.capacity < sequence.computed + 1 + count, cache.grow(sequence) {}
        return min(count, sequence.table.capacity - sequence.computed - 1)
    }

    /// The token drawn last is what was drafted, so its key and value are in the blocks already.
    func acceptDraft(of sequence: Sequence) {
        precondition(sequence.phase == .decoding && sequence.uncomputedCount == 1)
        sequence.computed += 1
        cache.noteComputed(sequence, from: sequence.computed - 1)
    }

    /// A drawn token that the sequence goes on with. It may have been paused since its logits were computed.
    func append(_ token: TokenID, to sequence: Sequence) {
        precondition(
            sequence.phase == .paused || sequence.phase == .decoding && sequence.uncomputedCount == 0)
        sequence.append(token)
    }

    /// A sequence forgets a part of its context, and reads the rest again where it stands now.
    func shift(_ sequence: Sequence, _ shift: ContextShift) {
        precondition(sequence.phase == .decoding || sequence.phase == .paused)
        if sequence.phase == .decoding {
            decoding.removeAll { $0 === sequence }
            cache.release(sequence)
            setAside(sequence)
        }
        sequence.drop(shift)
    }

    /// What a step took, from plan to drawn tokens.
    func observe(_ plan: StepPlan, seconds: Double) {
        timeModel.observe(plan.work, seconds: seconds)
    }

    /// Live requests whose time is over.
    func expired(at now: UInt64) -> [SequenceGroup] {
        timed.filter { ($0.deadline ?? .max) <= now && $0.leader != nil }
    }

    /// Ends a sequence in any phase and frees what it holds. Harmless after the end.
    func finish(_ sequence: Sequence) {
        let group = sequence.group
        guard sequence.phase != .finished else { return }
        let isAdmitted = group.isForked || (group.leader.map { $0.phase == .prefilling } ?? false)
        if isAdmitted, sequence.phase != .paused { sequencesRunning -= 1 }
        let heir = group.isForked || sequence !== group.leader ? nil : group.live.dropFirst().first
        if let heir {
            swap(&heir.table, &sequence.table)
            swap(&heir.computed, &sequence.computed)
            heir.phase = sequence.phase
        }
        switch sequence.phase {
        case .waiting, .following, .finished: break
        case .prefilling: Self.replace(sequence, by: heir, in: &prefilling)
        case .paused: Self.replace(sequence, by: heir, in: &paused)
        case .decoding: decoding.removeAll { $0 === sequence }
        }
        cache.release(sequence)
        sequence.phase = .finished
        guard group.leader == nil else { return }
        waiting.remove(group)
        timed.removeAll { $0 === group }
        shares.leave(group.request.key)
        group.dissolve()
    }

    private static func replace(_ sequence: Sequence, by heir: Sequence?, in list: inout [Sequence]) {
        guard let index = list.firstIndex(where: { $0 === sequence }) else { return }
        if let heir { list[index] = heir } else { list.remove(at: index) }
    }
}

// MARK: - Between the phases

extension Scheduler {
    private func startDecoding(_ sequence: Sequence) {
        sequence.phase = .decoding
        decoding.insert(sequence, at: decoding.partitioningIndex { $0.rank > sequence.rank })
    }

    /// The prompt has been read: each live choice gets a table over it, or waits for memory.
    private func fork(_ leader: Sequence) {
        let group = leader.group
        group.isForked = true
        for sequence in group.live.dropFirst() {
            if group.size.answerMax > 1 {
                guard let fork = cache.fork(leader) else {
                    pauseCount += 1
                    setAside(sequence)
                    continue
                }
                sequence.table = fork
            }
            sequence.computed = leader.computed
            startDecoding(sequence)
        }
    }

    /// Stops a running sequence and lets go of its memory. What it computed stays in the cache while there is room.
    private func pause(_ sequence: Sequence) {
        prefilling.removeAll { $0 === sequence }
        decoding.removeAll { $0 === sequence }
        cache.release(sequence)
        pauseCount += 1
        setAside(sequence)
    }

    private func setAside(_ sequence: Sequence) {
        sequencesRunning -= members(sequence)
        sequence.computed = 0
        sequence.phase = .paused
        paused.insert(sequence, at: paused.partitioningIndex { $0.rank > sequence.rank })
    }

    /// Sequences that run when this one does.
    private func members(_ sequence: Sequence) -> Int {
        sequence.group.isForked ? 1 : sequence.group.live.count
    }

    private func admit(_ sequence: Sequence, _ plan: inout StepPlan) {
        if sequence.phase == .waiting {
            waiting.remove(sequence.group)
            plan.admitted.append(sequence.group)
        } else {
            paused.removeAll { $0 === sequence }
        }
        sequence.phase = .prefilling
        prefilling.append(sequence)
        sequencesRunning += members(sequence)
    }

    /// Whether there is room for all known tokens of a sequence beside what the others are about to need.
    private func hasRoom(_ sequence: Sequence) -> Bool {
        guard sequencesRunning + members(sequence) <= limits.sequencesMax else { return false }
        guard !prefilling.isEmpty || !decoding.isEmpty else { return true }
        let needed = owedBytes(sequence) - cache.match(sequence).bytesInUse
        let owed = prefilling.reduce(0) { $0 + owedBytes($1) }
        // A block for each that decodes: so who is let in is not thrown out at once.
        let decoders = decoding.count * limits.kv.bytesInAllLayers
        return needed + owed + decoders + chunkBytes(sequence) <= cache.memory.freeBytes
    }

    /// What a sequence has not yet of the memory for its known tokens.
    private func owedBytes(_ sequence: Sequence) -> Int {
        let blocks = KVGeometry.blockCount(positions: sequence.tokens.count)
        let missing = max(0, limits.kv.windowBlocks(of: blocks) - sequence.table.windowHeldCount)
        return (blocks - sequence.table.blocks.count) * limits.kv.bytesPerBlock
            + missing * limits.kv.bytesPerBlock(of: .window)
    }

    /// While a long prompt is read, the window group holds a chunk's blocks beside the window; one chunk's in a step.
    private func chunkBytes(_ sequence: Sequence) -> Int {
        let tokens = prefilling.reduce(sequence.tokens.count) { max($0, $1.tokens.count) }
        let blocks = KVGeometry.blockCount(positions: tokens)
        let chunk = KVGeometry.blockCount(positions: min(limits.columnsMax, limits.chunkColumnsMax))
        return min(blocks - limits.kv.windowBlocks(of: blocks), chunk) * limits.kv.bytesPerBlock(of: .window)
    }
}

// MARK: - The plan

extension Scheduler {
    private func planDecoding(_ plan: inout StepPlan) {
        var index = 0
        while index < decoding.count {
            let sequence = decoding[index]
            while sequence.table.capacity <= sequence.computed, sequence.phase == .decoding {
                guard !cache.grow(sequence) else { continue }
                // It ranks behind this one, or is this one: what is planned already stays.
                (prefilling + decoding).max { $0.rank < $1.rank }.map(pause)
            }
            guard sequence.phase == .decoding else { continue }
            plan.add(.init(sequence: sequence, position: sequence.computed, count: 1))
            shares.charge(sequence.group.request.key, columns: 1)
            index += 1
        }
    }

    private func planPrefill(_ plan: inout StepPlan) {
        var budget = PrefillBudget(limits, timeModel, decoding: plan.work)
        while budget.isOpen, var sequence = nextToRead(&plan) {
            sequence.seenInStep = step
            if let owner = adopt(sequence) {
                // Somebody reads the same tokens already. Let him go on first.
                guard owner.seenInStep < step else { continue }
                sequence = owner
                owner.seenInStep = step
            }
            let count = reserve(budget.columns(sequence), for: sequence)
            guard count > 0 else { continue }
            sequence.plannedInStep = step
            let slice = StepPlan.Slice(sequence: sequence, position: sequence.computed, count: count)
            plan.add(slice)
            plan.prefillColumnCount += count
            budget.spend(slice)
            if !sequence.group.isForked { sequence.group.promptColumns += count }
            shares.charge(sequence.group.request.key, columns: count)
        }
    }

    /// The next sequence that has tokens to read and was not seen in this step: of those that read already and of
    /// the one that is next to be let in, the one whose key has been given less.
    private func nextToRead(_ plan: inout StepPlan) -> Sequence? {
        let reading = prefilling.lazy.filter { $0.seenInStep < self.step }.min(by: goesBefore)
        // A paused one has been let in before: no newcomer passes it.
        guard let next = paused.first ?? waiting.next(shares)?.leader else { return reading }
        if let reading, goesBefore(reading, next) { return reading }
        guard hasRoom(next) else { return reading }
        admit(next, &plan)
        return next
    }

    private func goesBefore(_ a: Sequence, _ b: Sequence) -> Bool {
        let (first, second) = (shares.columns(a.group.request.key), shares.columns(b.group.request.key))
        return first == second ? a.rank < b.rank : first < second
    }

    /// Takes what the cache has of a sequence's next tokens.
    ///
    /// - Returns: the sequence that is computing its next block, if one is.
    private func adopt(_ sequence: Sequence) -> Sequence? {
        guard case .pending(let block, let number) = cache.adopt(for: sequence) else { return nil }
        return prefilling.first { $0.table.blocks.count > number && $0.table.blocks[number] == block }
    }

    /// Gives a sequence blocks for its next columns; sequences that rank behind it and have none in this
    /// step make room.
    ///
    /// - Returns: columns for which there are blocks, `count` at most.
    private func reserve(_ count: Int, for sequence: Sequence) -> Int {
        while sequence.table.capacity < sequence.computed + count {
            guard !cache.grow(sequence) else { continue }
            let victims = prefilling.lazy.filter {
                $0.rank > sequence.rank && $0.plannedInStep < self.step
            }
            guard let victim = victims.max(by: { $0.rank < $1.rank }) else { break }
            pause(victim)
        }
        return min(count, sequence.table.capacity - sequence.computed)
    }
}
