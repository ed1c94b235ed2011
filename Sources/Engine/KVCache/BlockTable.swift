import Models

/// The memory copy that a fork needs before the next step: the first `tokens` positions of a block.
struct BlockCopy: Equatable {
    var source: Int32
    var destination: Int32
    var tokens: Int
}

/// Where the positions of one sequence are: position p is in `blocks[p / 32]`, at offset `p % 32`.
///
/// A table holds one reference to each of its blocks and must be given back with `release`.
struct BlockTable {
    private(set) var blocks: [Int32] = []

    /// Positions that the blocks have room for.
    var capacity: Int { blocks.count * KVGeometry.blockTokens }

    /// Blocks that hold `positions` positions.
    static func blockCount(positions: Int) -> Int {
        (positions + KVGeometry.blockTokens - 1) / KVGeometry.blockTokens
    }

    /// Adds one block at the end; false when the pool has none.
    mutating func grow(from pool: inout BlockPool) -> Bool {
        guard let block = pool.allocate() else { return false }
        blocks.append(block)
        return true
    }

    /// A second table over the same first `positions` positions: full blocks are shared, and a
    /// partial last one gets a block of its own, which the returned copy fills.
    ///
    /// - Returns: nil when the pool has no block for the tail.
    func fork(positions: Int, pool: inout BlockPool) -> (table: BlockTable, copy: BlockCopy?)? {
        precondition(positions <= capacity, "forked past the end of a block table")
        let full = positions / KVGeometry.blockTokens
        let tail = positions % KVGeometry.blockTokens
        var fork = BlockTable()
        var copy: BlockCopy?
        if tail > 0 {
            guard let block = pool.allocate() else { return nil }
            copy = BlockCopy(source: blocks[full], destination: block, tokens: tail)
        }
        fork.blocks.reserveCapacity(blocks.count + 1)
        for block in blocks[..<full] {
            pool.retain(block)
            fork.blocks.append(block)
        }
        if let copy { fork.blocks.append(copy.destination) }
        return (fork, copy)
    }

    /// Gives all blocks back and empties the table. The last block goes first, so that the start of
    /// a prompt stays untouched in memory for longest.
    mutating func release(to pool: inout BlockPool) {
        for block in blocks.reversed() { pool.release(block) }
        blocks = []
    }
}
