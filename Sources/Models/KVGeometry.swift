/// How a model's KV memory is cut into blocks, and how much of it there is.
///
/// The layers are in one group or two (`KVGroup`), each with blocks of its own; a block holds 32 positions of its
/// group's layers, keys and values. Both groups share one budget in bytes: what one does not use the other may take,
/// so that nothing is refused that would fit. A fixed split could not do that: short sequences need as many blocks of
/// one group as of the other, a long one needs a hundred times more of the full group's.
public struct KVGeometry: Sendable, Equatable {
    /// Positions in a block (design: 32).
    public static let blockTokens = 32

    /// The group of the sliding layers.
    public struct Window: Sendable, Equatable {
        /// Positions that a column sees, its own included.
        public var positions: Int
        public var bytesPerBlock: Int

        public init(positions: Int, bytesPerBlock: Int) {
            self.positions = positions
            self.bytesPerBlock = bytesPerBlock
        }

        /// Blocks that a window touches, wherever it stands.
        public var blocksMax: Int {
            1 + (positions - 1 + KVGeometry.blockTokens - 1) / KVGeometry.blockTokens
        }

        /// The first block that a column at this position sees, or one after it.
        public func firstBlock(seenFrom position: Int) -> Int {
            max(0, position + 1 - positions) / KVGeometry.blockTokens
        }
    }

    /// Of the full group.
    public var bytesPerBlock: Int
    /// Nil where all layers keep all positions.
    public var window: Window?
    /// Bytes of all blocks together.
    public var budgetBytes: Int

    public init(bytesPerBlock: Int, window: Window? = nil, budgetBytes: Int) {
        self.bytesPerBlock = bytesPerBlock
        self.window = window
        self.budgetBytes = budgetBytes
    }

    /// One group.
    public init(bytesPerBlock: Int, blockCount: Int) {
        self.init(bytesPerBlock: bytesPerBlock, budgetBytes: bytesPerBlock * blockCount)
    }

    /// Blocks that hold `positions` positions.
    public static func blockCount(positions: Int) -> Int { (positions + blockTokens - 1) / blockTokens }

    /// Bytes of one block; 0 for a group that is not there.
    public func bytesPerBlock(of group: KVGroup) -> Int {
        group == .full ? bytesPerBlock : window?.bytesPerBlock ?? 0
    }

    /// Bytes of 32 positions in all layers.
    public var bytesInAllLayers: Int { bytesPerBlock + (window?.bytesPerBlock ?? 0) }

    /// Blocks of the full group, if it had all of the memory.
    public var blockCount: Int { blockCount(of: .full) }

    /// Blocks of a group, if it had all of the memory.
    public func blockCount(of group: KVGroup) -> Int {
        let bytes = bytesPerBlock(of: group)
        return bytes > 0 ? budgetBytes / bytes : 0
    }

    /// Blocks of the window group that a sequence of so many blocks keeps at most, between steps.
    public func windowBlocks(of blocks: Int) -> Int { window.map { min(blocks, $0.blocksMax) } ?? 0 }

    /// Bytes that a sequence of so many positions keeps.
    public func bytes(positions: Int) -> Int {
        let blocks = Self.blockCount(positions: positions)
        return blocks * bytesPerBlock + windowBlocks(of: blocks) * bytesPerBlock(of: .window)
    }

    /// Positions of the longest sequence that fits alone.
    public var positionsMax: Int {
        let short = budgetBytes / bytesInAllLayers
        guard let window, short > window.blocksMax else { return short * Self.blockTokens }
        let rest = budgetBytes - window.blocksMax * bytesInAllLayers
        return (window.blocksMax + rest / bytesPerBlock) * Self.blockTokens
    }

    /// Positions that fit in sequences of this length.
    public func positions(inSequencesOf length: Int) -> Int {
        let bytes = bytes(positions: length)
        return bytes > 0 ? budgetBytes / bytes * length : 0
    }
}
