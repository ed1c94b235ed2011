import ModelFiles

/// Decides what each step computes: continuous batching over one pool of KV blocks.
///
/// Arrivals, drawn tokens, finishes and cancels go in; `plan()` says which tokens of which sequences
/// to run now. It has no clock, lock or thread and is driven by the engine's loop:
///
/// ```
/// enqueue / finish* ──▶ plan() ──▶ (the model computes) ──▶ complete(plan) ──▶ append / finish, each sequence
/// ```
///
/// Invariants:
/// 1. `blocksReserved` is the sum of `Sequence.blocksReserved`, and the pool has at least as many
///    free: an admitted sequence never runs out of memory.
/// 2. Every decoding sequence has a column in every step; prefill takes what is left.
/// 3. Requests are admitted and prefilled strictly in order of arrival, so none starves.
final class Scheduler {
    /// Prefill columns of a step in which others decode: the most that a new prompt slows them.
    static let prefillColumnsBesideDecoders = 64

    let columnsMax: Int
    let sequencesMax: Int
    private(set) var pool: BlockPool
    private(set) var blocksReserved = 0
    /// Live sequences that were admitted.
    private(set) var sequencesRunning = 0
    /// The queue, in order of arrival. Its length is bounded by `AdmissionGate`.
    private(set) var waiting: [SequenceGroup] = []
    /// In order of arrival.
    private(set) var prefilling: [SequenceGroup] = []
    private(set) var decoding: [Sequence] = []

    /// - Parameters:
    ///   - columnsMax: columns of a step at most.
    ///   - sequencesMax: sequences that run at once; at most `columnsMax`, so that all can decode.
    ///   - blockCount: KV blocks.
    init(columnsMax: Int, sequencesMax: Int, blockCount: Int) {
        precondition(sequencesMax > 0 && sequencesMax <= columnsMax, "every sequence needs a decode column")
        self.columnsMax = columnsMax
        self.sequencesMax = sequencesMax
        pool = BlockPool(blockCount: blockCount)
    }

    var isIdle: Bool { waiting.isEmpty && prefilling.isEmpty && decoding.isEmpty }

    /// A request arrives. It must be one that fits into the whole memory and `sequencesMax`.
    func enqueue(_ group: SequenceGroup) {
        precondition(group.size.blocks(choices: group.size.choiceCount) <= pool.blockCount)
        precondition(group.size.choiceCount <= sequencesMax)
        waiting.append(group)
    }

    /// Chooses the columns of the next step, admits what fits, and gives each slice its blocks.
    func plan() -> StepPlan {
        var plan = StepPlan()
        plan.slices.reserveCapacity(decoding.count + 1)
        for sequence in decoding { take(1, of: sequence, into: &plan) }
        let room = columnsMax - plan.columnCount
        var budget = decoding.isEmpty ? room : min(room, Self.prefillColumnsBesideDecoders)
        for group in prefilling where budget > 0 {
            budget -= takePrompt(of: group, columns: budget, into: &plan)
        }
        while budget > 0, let group = waiting.first, admit(group) {
            plan.admitted.append(group)
            budget -= takePrompt(of: group, columns: budget, into: &plan)
        }
        return plan
    }

    /// The model has computed a plan. Sequences that have read their prompt start to decode; each
    /// of them, and each one in `decoding` that had a column, now gets a token or is finished.
    ///
    /// - Returns: copies that the model must make before the next step.
    func complete(_ plan: StepPlan) -> [BlockCopy] {
        var copies: [BlockCopy] = []
        for slice in plan.slices {
            slice.sequence.computed += slice.count
            let group = slice.sequence.group
            guard slice.sequence.phase == .prefilling, slice.reachesEnd else { continue }
            prefilling.removeAll { $0 === group }
            copies += startDecoding(group)
        }
        return copies
    }

    /// A drawn token that the sequence goes on with.
    func append(_ token: TokenID, to sequence: Sequence) {
        precondition(sequence.phase == .decoding && sequence.computed == sequence.tokens.count)
        sequence.tokens.append(token)
    }

    /// Ends a sequence in any phase and frees what it holds and reserves. Harmless after the end.
    func finish(_ sequence: Sequence) {
        let group = sequence.group
        switch sequence.phase {
        case .finished:
            return
        case .waiting:
            break
        case .prefilling:
            let isHandedOver = handOverPrompt(from: sequence)
            blocksReserved -= isHandedOver ? group.size.blocksOfFollower : sequence.blocksReserved
            sequencesRunning -= 1
        case .decoding:
            blocksReserved -= sequence.blocksReserved
            sequencesRunning -= 1
            decoding.removeAll { $0 === sequence }
        }
        sequence.table.release(to: &pool)
        sequence.phase = .finished
        guard group.leader == nil else { return }
        waiting.removeAll { $0 === group }
        prefilling.removeAll { $0 === group }
        group.dissolve()
    }
}

// MARK: - Steps of the plan

extension Scheduler {
    /// Moves the first waiting group out of the queue if its worst case fits beside all the others'.
    private func admit(_ group: SequenceGroup) -> Bool {
        let live = group.live
        let blocks = group.size.blocks(choices: live.count)
        guard sequencesRunning + live.count <= sequencesMax,
            blocksReserved + blocks <= pool.freeCount
        else { return false }
        waiting.removeFirst()
        prefilling.append(group)
        for sequence in live { sequence.phase = .prefilling }
        sequencesRunning += live.count
        blocksReserved += blocks
        return true
    }

    /// Plans the next chunk of a group's prompt and says how many columns it takes.
    private func takePrompt(of group: SequenceGroup, columns: Int, into plan: inout StepPlan) -> Int {
        guard let leader = group.leader else { return 0 }
        let count = min(columns, leader.tokens.count - leader.computed)
        take(count, of: leader, into: &plan)
        plan.promptColumnCount += count
        return count
    }

    private func take(_ count: Int, of sequence: Sequence, into plan: inout StepPlan) {
        precondition(count > 0 && sequence.computed + count <= sequence.tokens.count)
        while sequence.table.capacity < sequence.computed + count {
            precondition(sequence.blocksReserved > 0, "a sequence outgrew its reservation")
            let grown = sequence.table.grow(from: &pool)
            precondition(grown, "reserved blocks were not kept free")
            blocksReserved -= 1
        }
        plan.slices.append(.init(sequence: sequence, position: sequence.computed, count: count))
        plan.columnCount += count
    }

    /// The group's prompt has been read: each live choice gets a table over it.
    private func startDecoding(_ group: SequenceGroup) -> [BlockCopy] {
        guard let leader = group.leader else { return [] }
        var copies: [BlockCopy] = []
        let followers = group.live.dropFirst()
        for sequence in followers where group.size.answerMax > 1 {
            guard let fork = leader.table.fork(positions: leader.computed, pool: &pool) else {
                preconditionFailure("reserved blocks were not kept free")
            }
            sequence.table = fork.table
            if let copy = fork.copy {
                copies.append(copy)
                blocksReserved -= 1
            }
        }
        for sequence in followers { sequence.computed = leader.computed }
        for sequence in group.live { sequence.phase = .decoding }
        decoding += group.live
        return copies
    }

    /// When a leader goes in the middle of its prompt, the next live choice reads on in its blocks.
    ///
    /// - Returns: false when it is no leader, or nobody is left.
    private func handOverPrompt(from sequence: Sequence) -> Bool {
        let live = sequence.group.live
        guard sequence === live.first, let heir = live.dropFirst().first else { return false }
        swap(&heir.table, &sequence.table)
        swap(&heir.computed, &sequence.computed)
        return true
    }
}
