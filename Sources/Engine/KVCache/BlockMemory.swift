import Models

/// The blocks of all groups within one budget, and which of the kept ones goes first.
///
/// The groups share the budget, so either may have all of it: a group that needs memory takes its own empty blocks,
/// then what nobody has, then the other group's empty blocks, and then what is worth the least is forgotten, of
/// either group. Invariants: blocks that are resident take `budgetBytes` at most; whoever finds `freeBytes` for
/// blocks gets them.
///
/// Which one goes first: GreedyDual (Young 1994; Cao and Irani 1997). A block is kept with a worth, the age plus what
/// computing it again would cost, and the age is the worth of the block forgotten last. So what costs twice as much
/// outlives the forgetting of twice as many blocks, but nothing is kept for ever, and with equal costs this is LRU. The
/// cost is that of the block's columns: a constant, and attention in proportion to its position. Both groups' blocks
/// for the same positions cost the same, because they are computed together. To evict a block strands its
/// descendants, so it is worth at least as much as the dearest of them (`PrefixCache`): tails go before heads. LRU
/// alone would throw away a long document for a few short questions that came later.
struct BlockMemory {
    /// At about this position attention costs as much as everything else that a column needs: measured 1,350 on the
    /// default model, 3,500 on Gemma 3 270M.
    static let attentionDoublesAt = 2048.0

    let geometry: KVGeometry
    private var pools: [BlockPool]
    private var kept: KeptBlocks
    /// The worth of the block that was forgotten last.
    private(set) var age = 0.0
    private(set) var usedBytes = 0
    /// For the model to do, in this order.
    private(set) var operations: [BlockOperation] = []

    init(_ geometry: KVGeometry) {
        self.geometry = geometry
        pools = KVGroup.allCases.filter { $0 == .full || geometry.window != nil }.map {
            BlockPool(
                blockCount: geometry.blockCount(of: $0), blockBytes: geometry.bytesPerBlock(of: $0))
        }
        kept = KeptBlocks(slotCount: pools.reduce(0) { $0 + $1.blockCount })
    }

    var full: BlockPool { pools[KVGroup.full.rawValue] }
    /// Nil where the model has no such group.
    var window: BlockPool? { pools.count > 1 ? pools[KVGroup.window.rawValue] : nil }

    /// Bytes that no sequence holds.
    var freeBytes: Int { geometry.budgetBytes - usedBytes }
    /// Bytes of blocks that have memory.
    var residentBytes: Int { pools.reduce(0) { $0 + $1.residentCount * $1.blockBytes } }

    /// What computing the 32 positions from here on costs, in units of the first ones.
    static func cost(position: Int) -> Double { 1 + Double(position) / attentionDoublesAt }

    func referenceCount(_ group: KVGroup, _ block: Int32) -> Int {
        pools[group.rawValue].referenceCount(block)
    }

    /// Takes a free block with one reference, if there is one without contents.
    mutating func take(_ group: KVGroup) -> Int32? {
        let bytes = pools[group.rawValue].blockBytes
        while true {
            let fits = residentBytes + bytes <= geometry.budgetBytes
            if let block = pools[group.rawValue].take(absent: fits) {
                usedBytes += bytes
                return block
            }
            guard !fits, let other = other(than: group), let block = pools[other.rawValue].discardEmpty()
            else { return nil }
            operations.append(.discard(other, block))
        }
    }

    /// The kept block that is to go first; its contents are lost now.
    mutating func forgetFirst() -> BlockReference? {
        guard let (slot, worth) = kept.popFirst() else { return nil }
        age = max(age, worth)
        let isFull = slot < pools[0].blockCount
        let first = BlockReference(
            group: isFull ? .full : .window,
            block: Int32(truncatingIfNeeded: isFull ? slot : slot - pools[0].blockCount))
        pools[first.group.rawValue].forget(first.block)
        return first
    }

    /// Loses the contents of a kept block.
    mutating func forget(_ group: KVGroup, _ block: Int32) {
        kept.remove(slot(group, block))
        pools[group.rawValue].forget(block)
    }

    mutating func retain(_ group: KVGroup, _ block: Int32) {
        guard pools[group.rawValue].retain(block) else { return }
        kept.remove(slot(group, block))
        usedBytes += pools[group.rawValue].blockBytes
    }

    /// Gives a reference back; the last one frees the block.
    ///
    /// - Parameter worth: of its contents, at least `age`; nil when nobody may ask for them again.
    mutating func release(_ group: KVGroup, _ block: Int32, worth: Double?) {
        guard pools[group.rawValue].release(block, keeps: worth != nil) else { return }
        usedBytes -= pools[group.rawValue].blockBytes
        if let worth { kept.add(slot(group, block), worth: worth) }
    }

    mutating func copy(_ group: KVGroup, from source: Int32, to destination: Int32, tokens: Int) {
        operations.append(.copy(group, source: source, destination: destination, tokens: tokens))
    }

    mutating func takeOperations() -> [BlockOperation] {
        defer { operations.removeAll() }
        return operations
    }

    private func other(than group: KVGroup) -> KVGroup? {
        pools.count == 1 ? nil : group == .full ? .window : .full
    }

    private func slot(_ group: KVGroup, _ block: Int32) -> Int {
        group == .full ? Int(block) : pools[0].blockCount + Int(block)
    }
}
