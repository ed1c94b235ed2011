import ModelFiles

/// What the next step computes.
struct StepPlan {
    /// The next columns of one sequence, at `position ..< position + count`: its tokens, then drafts.
    struct Slice {
        var sequence: Sequence
        var position: Int
        var count: Int
        /// What probably follows its last token (`Speculator`).
        var drafts: [TokenID] = []
        /// Positions whose logits tell how likely the prompt's next token was.
        private(set) var promptPositions: Range<Int>
        /// Positions whose states are a part of the prompt's embedding.
        let statePositions: Range<Int>

        init(sequence: Sequence, position: Int, count: Int) {
            self.sequence = sequence
            self.position = position
            self.count = count
            promptPositions = position..<position
            statePositions =
                sequence.group.pooling?.missing(in: position..<position + count) ?? position..<position
            guard sequence.group.reportsPrompt else { return }
            let first = max(position, sequence.group.promptTokensReported - 1)
            let end = min(position + count, sequence.group.size.promptCount - 1)
            if first < end { promptPositions = first..<end }
        }

        /// Whether the slice has the sequence's last token, whose logits give the next one.
        var reachesEnd: Bool { position + count - drafts.count == sequence.tokens.count }
        /// Whether these logits are wanted: not when the request only reads its prompt.
        var drawsNext: Bool { reachesEnd && sequence.group.size.answerMax > 0 }
        /// Columns whose logits give new tokens.
        var outputCount: Int { drawsNext ? 1 + drafts.count : 0 }
    }

    /// Groups that left the queue with this step, in the order in which they did.
    var admitted: [SequenceGroup] = []
    /// Decode columns first, then prefill chunks.
    var slices: [Slice] = []
    var work = StepWork()
    /// Slices of sequences that decode.
    var decodingSliceCount = 0
    /// Columns of prompts and of answers that are read again.
    var prefillColumnCount = 0
    /// Whether the step may leave these columns when it is late.
    var mayLeavePrompts = false

    mutating func add(_ slice: Slice) {
        slices.append(slice)
        work.add(count: slice.count, position: slice.position, drawsNext: slice.drawsNext)
        work.outputs += slice.promptPositions.count
    }

    /// The step was late, and left the prompts when it had gone through a part of the layers.
    mutating func leavePrompts(computedShare: Double) {
        var planned = StepWork()
        for slice in slices[decodingSliceCount...] {
            planned.add(count: slice.count, position: slice.position, drawsNext: slice.drawsNext)
            planned.outputs += slice.promptPositions.count
        }
        work.columns -= Int(Double(planned.columns) * (1 - computedShare))
        work.attended -= Int(Double(planned.attended) * (1 - computedShare))
        work.outputs -= planned.outputs
        slices.removeSubrange(decodingSliceCount...)
        prefillColumnCount = 0
    }

    mutating func add(drafts: [TokenID], to index: Int) {
        for place in drafts.indices {
            work.add(
                count: 1, position: slices[index].position + slices[index].count + place, drawsNext: true)
        }
        slices[index].drafts = drafts
        slices[index].count += drafts.count
    }
}
