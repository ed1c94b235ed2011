import ModelFiles
import Models

/// Where a sequence may begin.
///
/// At position p it needs the full group's blocks of all positions before p, and the window group's of those that the
/// column at p sees. So the longest known prefix is searched for which both are there. It may end in the middle of a
/// block, whose positions are copied then.
extension PrefixCache {
    /// What a sequence found.
    enum Adoption: Equatable {
        /// Nothing more is there.
        case done
        /// Its next tokens are being computed by the sequence whose block of the full group this is, and which
        /// stands at this place of its table.
        case pending(Int32, number: Int)
    }

    /// A block of the full group's and what of it a sequence can use.
    private struct Tail {
        var block: Int32
        var tokens: Int
    }

    private func mayAdopt(_ sequence: Sequence) -> Bool {
        sequence.group.request.usesPrefixCache && !sequence.group.computesWholePrompt
    }

    /// Full blocks that `adopt` would share, and the bytes of those that are in use and so cost nobody memory, beside
    /// the table that a sequence has.
    func match(_ sequence: Sequence) -> (blocks: Int, bytesInUse: Int) {
        guard mayAdopt(sequence) else { return (0, 0) }
        let path = knownPath(sequence).blocks
        let count = usablePrefix(of: path, for: sequence)
        let start = sequence.table.blocks.count
        let windowStart = geometry.window?.firstBlock(seenFrom: (start + count) * Self.blockTokens) ?? 0
        var bytes = 0
        for (offset, block) in path.prefix(count).enumerated() {
            if memory.referenceCount(.full, block) > 0 { bytes += geometry.bytesPerBlock }
            if start + offset >= windowStart, let window = index.window(of: block),
                memory.referenceCount(.window, window) > 0
            {
                bytes += geometry.bytesPerBlock(of: .window)
            }
        }
        return (count, bytes)
    }

    /// Moves a sequence on over all of its next tokens that the cache holds, except its last token, which has to
    /// be computed for its logits. Full blocks are shared; of a block that goes on differently, the common tokens
    /// are copied (`takeOperations`).
    mutating func adopt(for sequence: Sequence) -> Adoption {
        guard mayAdopt(sequence) else { return .done }
        let before = sequence.computed
        while sequence.computed == sequence.table.capacity,
            sequence.table.indexedCount == sequence.table.blocks.count
        {
            let start = sequence.table.blocks.count
            let (path, pending) = knownPath(sequence)
            if pending == nil, let tail = tail(after: path, of: sequence),
                isUsable(path, until: (start + path.count) * Self.blockTokens + tail.tokens, for: sequence)
            {
                share(path, and: tail, with: sequence)
                break
            }
            let count = usablePrefix(of: path, for: sequence)
            if count > 0 {
                share(path.prefix(count), until: (start + count) * Self.blockTokens, with: sequence)
                slide(sequence)
                continue
            }
            if let pending { return .pending(pending, number: start + path.count) }
            // What follows lacks the window group's blocks; the beginning of another block may have them.
            if !path.isEmpty, let tail = tail(after: [], of: sequence) {
                share([], and: tail, with: sequence)
            }
            break
        }
        if sequence.computed > before { sequence.table.begunAt = sequence.computed }
        return .done
    }

    // MARK: - Searching

    /// The computed full blocks of a sequence's next tokens, as far as the full group has them, and the block that
    /// follows if somebody is computing it. Its last token is not looked for.
    private func knownPath(_ sequence: Sequence) -> (blocks: [Int32], pending: Int32?) {
        var path: [Int32] = []
        let start = sequence.table.blocks.count
        var parent = parent(sequence, block: start)
        while (start + path.count + 1) * Self.blockTokens < sequence.tokens.count,
            let block = index.child(of: parent, tokens: tokens(of: sequence, block: start + path.count))
        {
            guard index.isReady(block) else { return (path, block) }
            path.append(block)
            parent = .block(block)
        }
        return (path, nil)
    }

    /// The block that has most of the tokens which follow a path, and how many of them.
    private func tail(after path: [Int32], of sequence: Sequence) -> Tail? {
        let number = sequence.table.blocks.count + path.count
        let start = number * Self.blockTokens
        let end = min(start + Self.blockTokens, sequence.tokens.count - 1)
        guard start < end,
            let closest = index.closestChild(
                of: path.last.map { .block($0) } ?? parent(sequence, block: number),
                tokens: sequence.tokens[start..<end], withWindow: geometry.window != nil)
        else { return nil }
        return Tail(block: closest.block, tokens: closest.common)
    }

    /// How many blocks of a path, at most, leave a sequence where the window group has what its next column sees.
    private func usablePrefix(of path: [Int32], for sequence: Sequence) -> Int {
        guard let window = geometry.window else { return path.count }
        let start = sequence.table.blocks.count
        var best = 0
        // The first block of those before `count` that the window group has without a gap.
        var first = sequence.table.windowStart
        for (offset, block) in path.enumerated() {
            if index.window(of: block) == nil { first = start + offset + 1 }
            if first <= window.firstBlock(seenFrom: (start + offset + 1) * Self.blockTokens) {
                best = offset + 1
            }
        }
        return best
    }

    /// Whether the window group has what a column sees that follows a path, or a part of the block after it.
    private func isUsable(_ path: [Int32], until position: Int, for sequence: Sequence) -> Bool {
        guard let window = geometry.window else { return true }
        let start = sequence.table.blocks.count
        let first = window.firstBlock(seenFrom: position)
        return first >= sequence.table.windowStart
            && path.dropFirst(max(0, first - start)).allSatisfy { index.window(of: $0) != nil }
    }

    // MARK: - Taking

    /// Gives a sequence the blocks of a path and a copy of the tail behind it; without memory for the copy, what it can
    /// use of the path alone.
    private mutating func share(_ path: [Int32], and tail: Tail, with sequence: Sequence) {
        let usable = sequence.table.blocks.count + usablePrefix(of: path, for: sequence)
        share(
            path, until: (sequence.table.blocks.count + path.count) * Self.blockTokens + tail.tokens,
            with: sequence)
        if !copy(tail, to: sequence) {
            while sequence.table.blocks.count > usable { giveLastBack(sequence) }
            sequence.computed = sequence.table.capacity
        }
        slide(sequence)
    }

    /// Gives a sequence the blocks of a path, and the window group's that a column at `position` sees.
    private mutating func share(_ path: some Collection<Int32>, until position: Int, with sequence: Sequence)
    {
        let first = geometry.window?.firstBlock(seenFrom: position) ?? 0
        for block in path {
            let number = sequence.table.blocks.count
            memory.retain(.full, block)
            sequence.table.blocks.append(block)
            sequence.table.indexedCount += 1
            guard geometry.window != nil else { continue }
            let window = number >= first ? index.window(of: block) : nil
            if let window { memory.retain(.window, window) }
            sequence.table.windowBlocks.append(window ?? BlockTable.none)
        }
        sequence.computed = sequence.table.capacity
    }

    /// Copies the beginning of a block to a new one at the end of a sequence's table.
    ///
    /// - Returns: false when there is no memory for it.
    private mutating func copy(_ tail: Tail, to sequence: Sequence) -> Bool {
        let window = index.window(of: tail.block)
        let number = sequence.table.blocks.count
        // Held, so that it is not the one that makes room for its own copy.
        memory.retain(.full, tail.block)
        if let window { memory.retain(.window, window) }
        defer { release(tail.block, window: window, number: number) }
        guard grow(sequence) else { return false }
        memory.copy(.full, from: tail.block, to: sequence.table.blocks[number], tokens: tail.tokens)
        if let window, let own = sequence.table.windowBlock(number) {
            memory.copy(.window, from: window, to: own, tokens: tail.tokens)
        }
        sequence.computed += tail.tokens
        return true
    }
}
