import Models

/// A memory copy that the model must make: the first `tokens` positions of a block.
struct BlockCopy: Equatable {
    var source: Int32
    var destination: Int32
    var tokens: Int
}

/// Where the positions of one sequence are: position p is in `blocks[p / 32]`, at offset `p % 32`.
///
/// A table holds one reference to each of its blocks; only `PrefixCache` changes it.
struct BlockTable {
    var blocks: [Int32] = []
    /// Leading blocks that the prefix index knows by all of their 32 tokens. The next block's parent there is
    /// the last of them.
    var indexedCount = 0

    /// Positions that the blocks have room for.
    var capacity: Int { blocks.count * KVGeometry.blockTokens }

    /// Blocks that hold `positions` positions.
    static func blockCount(positions: Int) -> Int {
        (positions + KVGeometry.blockTokens - 1) / KVGeometry.blockTokens
    }
}
