import ModelFiles

/// What one step of a model computes: columns of any number of sequences, prefill and decode mixed.
///
/// A column is one token at one position of one sequence. The columns of a sequence stand together,
/// by rising position, and every earlier position of that sequence is already in its blocks.
public struct StepBatch {
    /// The columns of one sequence in this step.
    public struct Slice {
        /// First column of the slice.
        public var start: Int
        /// Columns in the slice; at least one.
        public var count: Int
        /// Position of the first column; the others follow it.
        public var position: Int
        /// The sequence's blocks of the full group, `KVGeometry.blockTokens` positions each; covers
        /// `position + count`.
        public var blocks: [Int32]
        /// Its blocks of the window group, for the same positions; empty where there is no such group. Entries
        /// before the first column's window are never looked at.
        public var windowBlocks: [Int32]

        public init(start: Int, count: Int, position: Int, blocks: [Int32], windowBlocks: [Int32] = []) {
            self.start = start
            self.count = count
            self.position = position
            self.blocks = blocks
            self.windowBlocks = windowBlocks
        }

        func blocks(of group: KVGroup) -> [Int32] { group == .full ? blocks : windowBlocks }
    }

    /// A column whose logits are wanted, and which sums over them.
    public struct Output {
        public var column: Int
        /// Above 0: the sums of e^(logit / temperature) are wanted, to draw from all tokens.
        public var temperature: Float
        /// Whether the sums of e^logit are wanted, for log-probabilities.
        public var wantsTotal: Bool

        public init(column: Int, temperature: Float = 0, wantsTotal: Bool = false) {
            self.column = column
            self.temperature = temperature
            self.wantsTotal = wantsTotal
        }
    }

    /// Columns whose states are wanted, and the sum that they are added to. None of them has an output.
    public struct Sum {
        public var columns: Range<Int>
        public var states: StateSum

        public init(columns: Range<Int>, states: StateSum) {
            self.columns = columns
            self.states = states
        }
    }

    /// [column]
    public var tokens: [TokenID] = []
    public var slices: [Slice] = []
    /// By rising column.
    public var outputs: [Output] = []
    public var sums: [Sum] = []
    /// Of a step that may leave its last slices undone, with their outputs and sums. A step of few columns computes all.
    public var deadline: StepDeadline?

    public init() {}
}
