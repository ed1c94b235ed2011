import ModelFiles
import Models

/// The KV memory of all sequences: blocks, and what they hold that another sequence may begin with.
///
/// A block enters the index when a sequence takes it for 32 tokens that are known already (a prompt's), or when
/// its last token has been computed (an answer's). So a prompt that is being read is found by others while they
/// can still wait for it. A released block stays in the index until its memory is needed (`BlockMemory`).
///
/// In the window group a sequence lets go of what no column to come sees. Such a block is worth nothing to others
/// unless somebody begins where he sees it: at the end of a prompt, where a sequence ended or was paused, and where
/// one began before. Those are kept like the full group's, the others go before all else.
struct PrefixCache {
    static let blockTokens = KVGeometry.blockTokens

    let geometry: KVGeometry
    var memory: BlockMemory
    var index: PrefixIndex

    init(_ geometry: KVGeometry) {
        self.geometry = geometry
        memory = BlockMemory(geometry)
        index = PrefixIndex(
            blockCount: memory.full.blockCount, windowBlockCount: memory.window?.blockCount ?? 0)
    }

    /// What the model must do before it writes again.
    mutating func takeOperations() -> [BlockOperation] { memory.takeOperations() }

    // MARK: - Taking and giving back

    /// Adds one block of each group at the end of a sequence's table; false when there is no memory for both.
    mutating func grow(_ sequence: Sequence) -> Bool {
        let number = sequence.table.blocks.count
        guard let taken = takeBlocks() else { return false }
        sequence.table.blocks.append(taken.full)
        if let window = taken.window { sequence.table.windowBlocks.append(window) }
        guard sequence.group.request.usesPrefixCache, sequence.table.indexedCount == number,
            (number + 1) * Self.blockTokens <= sequence.tokens.count
        else { return true }
        if insert(sequence, block: number, isReady: false) { sequence.table.indexedCount += 1 }
        return true
    }

    /// A sequence has computed positions from `start` on: what became full can be found from now on, and what no
    /// column to come sees is given back.
    mutating func noteComputed(_ sequence: Sequence, from start: Int) {
        let (first, full) = (start / Self.blockTokens, sequence.computed / Self.blockTokens)
        if sequence.group.request.usesPrefixCache, full > first {
            // Fewer may be indexed: another sequence is computing the same tokens, and is not there yet.
            for block in sequence.table.blocks[..<min(full, sequence.table.indexedCount)].dropFirst(first) {
                index.setReady(block)
            }
            while sequence.table.indexedCount < full, publishNext(of: sequence) {}
        }
        slide(sequence)
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
        while !sequence.table.blocks.isEmpty { giveLastBack(sequence) }
        sequence.table = BlockTable()
    }

    /// A step did not compute the columns that a sequence was given blocks for.
    mutating func giveBackUncomputed(_ sequence: Sequence) {
        let computed = KVGeometry.blockCount(positions: sequence.computed)
        while sequence.table.blocks.count > computed { giveLastBack(sequence) }
    }

    mutating func giveLastBack(_ sequence: Sequence) {
        let number = sequence.table.blocks.count - 1
        let block = sequence.table.blocks[number]
        if memory.referenceCount(.full, block) == 1, !index.isReady(block) { index.remove(block) }
        release(block, window: sequence.table.windowBlock(number), number: number)
        sequence.table.blocks.removeLast()
        if geometry.window != nil { sequence.table.windowBlocks.removeLast() }
        sequence.table.indexedCount = min(sequence.table.indexedCount, number)
    }

    /// Gives back a block, and the window group's for the same positions, which stand at this place of a table.
    mutating func release(_ block: Int32, window: Int32?, number: Int) {
        let worth = index.noteWorth(worth(block: number), of: block)
        if let window {
            memory.release(.window, window, worth: index.window(of: block) == window ? worth : nil)
        }
        memory.release(.full, block, worth: index.contains(block) ? worth : nil)
    }

    /// A second table over the first `sequence.computed` positions: full blocks are shared, and a partial last one
    /// gets a block of its own, which is copied.
    ///
    /// - Returns: nil when there is no memory for the tail.
    mutating func fork(_ sequence: Sequence) -> BlockTable? {
        let full = sequence.computed / Self.blockTokens
        let tail = sequence.computed % Self.blockTokens
        var fork = sequence.table
        fork.blocks.removeSubrange(full...)
        if !fork.windowBlocks.isEmpty { fork.windowBlocks.removeSubrange(full...) }
        fork.indexedCount = min(full, fork.indexedCount)
        if tail > 0 {
            guard let taken = takeBlocks() else { return nil }
            memory.copy(.full, from: sequence.table.blocks[full], to: taken.full, tokens: tail)
            fork.blocks.append(taken.full)
            if let window = taken.window {
                memory.copy(.window, from: sequence.table.windowBlocks[full], to: window, tokens: tail)
                fork.windowBlocks.append(window)
            }
        }
        for number in 0..<full {
            memory.retain(.full, fork.blocks[number])
            if let window = fork.windowBlock(number) { memory.retain(.window, window) }
        }
        return fork
    }

    /// Lets go of the window group's blocks that no column to come sees. Drafts do not count: the next column is the
    /// one after the last token that stands.
    mutating func slide(_ sequence: Sequence) {
        guard let window = geometry.window else { return }
        let start = sequence.table.windowStart
        let end = min(window.firstBlock(seenFrom: sequence.computed), sequence.table.windowBlocks.count)
        guard start < end else { return }
        for number in start..<end {
            guard let block = sequence.table.windowBlock(number) else { continue }
            let isAttached = index.window(of: sequence.table.blocks[number]) == block
            let isSought = [sequence.table.begunAt, sequence.group.size.promptCount].contains {
                window.firstBlock(seenFrom: $0) <= number && number * Self.blockTokens < $0
            }
            memory.release(
                .window, block, worth: isAttached ? (isSought ? worth(block: number) : memory.age) : nil)
            sequence.table.windowBlocks[number] = BlockTable.none
        }
        sequence.table.windowStart = end
    }

    /// What a block is worth that is released now, without what stands below it.
    private func worth(block number: Int) -> Double {
        memory.age + BlockMemory.cost(position: number * Self.blockTokens)
    }

    /// A block of each group, with one reference each.
    private mutating func takeBlocks() -> (full: Int32, window: Int32?)? {
        guard memory.freeBytes >= geometry.bytesInAllLayers, let full = take(.full) else { return nil }
        guard geometry.window != nil else { return (full, nil) }
        guard let window = take(.window) else {
            memory.release(.full, full, worth: nil)
            return nil
        }
        return (full, window)
    }

    private mutating func take(_ group: KVGroup) -> Int32? {
        while true {
            if let block = memory.take(group) { return block }
            guard let victim = memory.forgetFirst() else { return nil }
            switch victim.group {
            case .window:
                index.detach(window: victim.block)
            case .full:
                // Nobody holds what is attached to a block that nobody holds.
                if let window = index.window(of: victim.block) { memory.forget(.window, window) }
                index.remove(victim.block)
            }
        }
    }

    // MARK: - The index

    /// Puts a block into the index, and the window group's with it if that is still held.
    private mutating func insert(
        _ sequence: Sequence, block number: Int, tokens count: Int = blockTokens, isReady: Bool
    ) -> Bool {
        let (start, block) = (number * Self.blockTokens, sequence.table.blocks[number])
        guard
            index.insert(
                block, under: parent(sequence, block: number), tokens: sequence.tokens[start..<start + count],
                isReady: isReady)
        else { return false }
        if let window = sequence.table.windowBlock(number) { index.attach(window: window, to: block) }
        return true
    }

    /// Puts the first full block that is not in the index there. If another sequence has computed the same tokens
    /// meanwhile, its block takes the place of this one: their contents are the same bits.
    ///
    /// - Returns: false when the other one is still being computed.
    private mutating func publishNext(of sequence: Sequence) -> Bool {
        let number = sequence.table.indexedCount
        let block = sequence.table.blocks[number]
        switch index.child(of: parent(sequence, block: number), tokens: tokens(of: sequence, block: number)) {
        case block?: break  // a fork of this sequence was first
        case let other?:
            guard index.isReady(other) else { return false }
            index.remove(block)
            memory.retain(.full, other)
            memory.release(.full, block, worth: nil)
            sequence.table.blocks[number] = other
            share(window: number, of: sequence, with: other)
        case nil:
            index.remove(block)
            guard insert(sequence, block: number, isReady: true) else { return false }
        }
        sequence.table.indexedCount += 1
        return true
    }

    /// The window group's block of the same tokens: the one that was there first serves both, and one that was
    /// forgotten comes back.
    private mutating func share(window number: Int, of sequence: Sequence, with block: Int32) {
        guard let own = sequence.table.windowBlock(number) else { return }
        if let other = index.window(of: block) {
            memory.retain(.window, other)
            memory.release(.window, own, worth: nil)
            sequence.table.windowBlocks[number] = other
        } else {
            index.attach(window: own, to: block)
        }
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
        let closest = index.closestChild(
            of: parent(sequence, block: number), tokens: sequence.tokens[start..<start + count],
            withWindow: geometry.window != nil)
        guard closest?.common ?? 0 < count else { return }
        _ = insert(sequence, block: number, tokens: count, isReady: true)
    }

    func root(_ sequence: Sequence) -> PrefixIndex.Parent {
        .root(salt: sequence.group.request.cacheSalt)
    }

    func parent(_ sequence: Sequence, block number: Int) -> PrefixIndex.Parent {
        number == 0 ? root(sequence) : .block(sequence.table.blocks[number - 1])
    }

    func tokens(of sequence: Sequence, block number: Int) -> ArraySlice<TokenID> {
        sequence.tokens[number * Self.blockTokens..<(number + 1) * Self.blockTokens]
    }
}
