import Models

/// Where the positions of one sequence are: position p is in `blocks[p / 32]`, at offset `p % 32`.
///
/// A table holds one reference to each of its blocks; only `PrefixCache` changes it.
struct BlockTable: Equatable {
    /// Stands where a sequence holds no block.
    static let none: Int32 = -1

    /// Of the full group.
    var blocks: [Int32] = []
    /// Of the window group: as many, and `none` for those that no column to come sees. Empty where the model has no
    /// such group.
    var windowBlocks: [Int32] = []
    /// The first block that the window group still holds; it holds those after it too.
    var windowStart = 0
    /// Leading blocks that the prefix index knows by all of their 32 tokens. The next block's parent there is
    /// the last of them.
    var indexedCount = 0
    /// Where the sequence began to compute what the cache did not have.
    var begunAt = 0

    /// Positions that the blocks have room for.
    var capacity: Int { blocks.count * KVGeometry.blockTokens }

    /// Blocks of the window group that are held.
    var windowHeldCount: Int { windowBlocks.count - min(windowStart, windowBlocks.count) }

    /// The window group's block, nil when it is not held.
    func windowBlock(_ number: Int) -> Int32? {
        guard number < windowBlocks.count, windowBlocks[number] != Self.none else { return nil }
        return windowBlocks[number]
    }
}
