import ModelFiles
import Models

/// The KV memory of all sequences: blocks, and what they hold that another sequence may begin with.
///
/// A block enters the index when a sequence takes it for 32 tokens that are known already (a prompt's), or when
/// its last token has been computed (an answer's). So a prompt that is being read is found by others while they
/// can still wait for it. A released block stays in the index until the pool gives it to somebody else.
struct PrefixCache {
    /// What a sequence found.
    enum Adoption: Equatable {
        /// Nothing more is there; `copy` must be made before the next step.
        case done(copy: BlockCopy?)
        /// Its next block is being computed by the sequence whose block this is.
        case pending(Int32)
    }

    private static let blockTokens = KVGeometry.blockTokens

    private(set) var pool: BlockPool
    private(set) var index: PrefixIndex

    init(blockCount: Int) {
        pool = BlockPool(blockCount: blockCount)
        index = PrefixIndex(blockCount: blockCount)
    }

    // MARK: - Finding

    /// Blocks that `adopt` would share, and those of them that are in use, which cost nobody memory.
    func matchCount(_ sequence: Sequence) -> (all: Int, inUse: Int) {
        guard sequence.group.request.usesPrefixCache else { return (0, 0) }
        var (all, inUse) = (0, 0)
        var parent = root(sequence)
        while (all + 1) * Self.blockTokens < sequence.tokens.count,
            let block = index.child(of: parent, tokens: tokens(of: sequence, block: all))
        {
            parent = .block(block)
            all += 1
            if pool.referenceCount(block) > 0 { inUse += 1 }
        }
        return (all, inUse)
    }

    /// Moves a sequence on over all of its next tokens that the cache holds, except its last token, which has to
    /// be computed for its logits. Full blocks are shared; of a block that goes on differently, the common tokens
    /// are to be copied.
    mutating func adopt(for sequence: Sequence) -> Adoption {
        guard sequence.group.request.usesPrefixCache else { return .done(copy: nil) }
        while sequence.computed == sequence.table.capacity,
            sequence.table.indexedCount == sequence.table.blocks.count
        {
            let parent = parent(sequence, block: sequence.table.blocks.count)
            let start = sequence.computed
            if start + Self.blockTokens < sequence.tokens.count,
                let block = index.child(of: parent, tokens: sequence.tokens[start..<start + Self.blockTokens])
            {
                guard index.isReady(block) else { return .pending(block) }
                pool.retain(block)
                sequence.table.blocks.append(block)
                sequence.table.indexedCount += 1
                sequence.computed += Self.blockTokens
                continue
            }
            let end = min(start + Self.blockTokens, sequence.tokens.count - 1)
            guard start < end,
                let closest = index.closestChild(of: parent, tokens: sequence.tokens[start..<end])
            else { break }
            return .done(copy: copyTail(closest.block, tokens: closest.common, to: sequence))
        }
        return .done(copy: nil)
    }

    private mutating func copyTail(_ source: Int32, tokens: Int, to sequence: Sequence) -> BlockCopy? {
        // Held, so that it is not the one that makes room for its own copy.
        pool.retain(source)
        defer { pool.release(source, keeps: true) }
        guard grow(sequence), let destination = sequence.table.blocks.last else { return nil }
        sequence.computed += tokens
        return BlockCopy(source: source, destination: destination, tokens: tokens)
    }

    // MARK: - Taking and giving back

    /// Adds one block at the end of a sequence's table; false when there is none.
    mutating func grow(_ sequence: Sequence) -> Bool {
        guard let block = allocate() else { return false }
        let number = sequence.table.blocks.count
        sequence.table.blocks.append(block)
        guard sequence.group.request.usesPrefixCache, sequence.table.indexedCount == number,
            (number + 1) * Self.blockTokens <= sequence.tokens.count
        else { return true }
        let isNew = index.insert(
            block, under: parent(sequence, block: number), tokens: tokens(of: sequence, block: number),
            isReady: false)
        if isNew { sequence.table.indexedCount += 1 }
        return true
    }

    /// A sequence has computed positions from `start` on: what became full can be found from now on.
    mutating func noteComputed(_ sequence: Sequence, from start: Int) {
        let full = sequence.computed / Self.blockTokens
        guard sequence.group.request.usesPrefixCache, full > start / Self.blockTokens else { return }
        for number in start / Self.blockTokens..<min(full, sequence.table.indexedCount) {
            index.setReady(sequence.table.blocks[number])
        }
        while sequence.table.indexedCount < full, publishNext(of: sequence) {}
    }

    /// A sequence has read its prompt: the last tokens of it can be found before their block is full.
    mutating func notePromptRead(_ sequence: Sequence) {
        guard sequence.group.request.usesPrefixCache else { return }
        publishTail(of: sequence)
    }

    /// Gives all blocks of a sequence back, the last one first, and empties its table. What it computed stays in
    /// the index.
    mutating func release(_ sequence: Sequence) {
        if sequence.group.request.usesPrefixCache { publishTail(of: sequence) }
        for block in sequence.table.blocks.reversed() {
            if pool.referenceCount(block) == 1, !index.isReady(block) { index.remove(block) }
            pool.release(block, keeps: index.contains(block))
        }
        sequence.table = BlockTable()
    }

    /// A second table over the first `sequence.computed` positions: full blocks are shared, and a partial last one
    /// gets a block of its own, which the returned copy fills.
    ///
    /// - Returns: nil when there is no block for the tail.
    mutating func fork(_ sequence: Sequence) -> (table: BlockTable, copy: BlockCopy?)? {
        let full = sequence.computed / Self.blockTokens
        let tail = sequence.computed % Self.blockTokens
        var fork = BlockTable()
        var copy: BlockCopy?
        if tail > 0 {
            guard let block = allocate() else { return nil }
            copy = BlockCopy(source: sequence.table.blocks[full], destination: block, tokens: tail)
        }
        fork.blocks = Array(sequence.table.blocks[..<full])
        for block in fork.blocks { pool.retain(block) }
        if let copy { fork.blocks.append(copy.destination) }
        fork.indexedCount = min(full, sequence.table.indexedCount)
        return (fork, copy)
    }

    private mutating func allocate() -> Int32? {
        guard let (block, wasKept) = pool.allocate() else { return nil }
        if wasKept { index.remove(block) }
        return block
    }

    // MARK: - The index

    /// Puts the first full block that is not in the index there. If another sequence has computed the same tokens
    /// meanwhile, its block takes the place of this one: their contents are the same bits.
    ///
    /// - Returns: false when the other one is still being computed.
    private mutating func publishNext(of sequence: Sequence) -> Bool {
        let number = sequence.table.indexedCount
        let block = sequence.table.blocks[number]
        let tokens = tokens(of: sequence, block: number)
        let parent = parent(sequence, block: number)
        switch index.child(of: parent, tokens: tokens) {
        case block?: break  // a fork of this sequence was first
        case let other?:
            guard index.isReady(other) else { return false }
            index.remove(block)
            pool.retain(other)
            pool.release(block, keeps: false)
            sequence.table.blocks[number] = other
        case nil:
            index.remove(block)
            guard index.insert(block, under: parent, tokens: tokens, isReady: true) else { return false }
        }
        sequence.table.indexedCount += 1
        return true
    }

    /// Puts the computed tokens of a partial last block into the index, unless another block begins with them.
    private mutating func publishTail(of sequence: Sequence) {
        var number = sequence.computed / Self.blockTokens
        let count = sequence.computed % Self.blockTokens
        guard count > 0, number < sequence.table.blocks.count, sequence.table.indexedCount >= number else {
            return
        }
        // A block of a prompt whose reading ends here is known by more tokens than were computed.
        let start = number * Self.blockTokens
        let block = sequence.table.blocks[number]
        if index.contains(block), !index.isReady(block) { sequence.table.indexedCount = number }
        number = sequence.table.indexedCount
        index.remove(block)
        let parent = parent(sequence, block: number)
        let tokens = sequence.tokens[start..<start + count]
        guard index.closestChild(of: parent, tokens: tokens)?.common ?? 0 < count else { return }
        _ = index.insert(block, under: parent, tokens: tokens, isReady: true)
    }

    private func root(_ sequence: Sequence) -> PrefixIndex.Parent {
        .root(salt: sequence.group.request.cacheSalt)
    }

    private func parent(_ sequence: Sequence, block number: Int) -> PrefixIndex.Parent {
        number == 0 ? root(sequence) : .block(sequence.table.blocks[number - 1])
    }

    private func tokens(of sequence: Sequence, block number: Int) -> ArraySlice<TokenID> {
        sequence.tokens[number * Self.blockTokens..<(number + 1) * Self.blockTokens]
    }
}
