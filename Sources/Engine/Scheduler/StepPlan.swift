/// What the next step computes.
struct StepPlan {
    /// The next columns of one sequence: its tokens at `position ..< position + count`.
    struct Slice {
        var sequence: Sequence
        var position: Int
        var count: Int

        /// Whether the slice ends with the sequence's last token, whose logits give the next one.
        var reachesEnd: Bool { position + count == sequence.tokens.count }
        /// Whether these logits are wanted: not when the request only reads its prompt.
        var drawsNext: Bool { reachesEnd && sequence.group.size.answerMax > 0 }
    }

    /// Groups that left the queue with this step, in the order in which they did.
    var admitted: [SequenceGroup] = []
    /// To be made before the step, in this order.
    var copies: [BlockCopy] = []
    /// Decode columns first, then prefill chunks.
    var slices: [Slice] = []
    var work = StepWork()
    /// Columns of prompts and of answers that are read again.
    var prefillColumnCount = 0

    mutating func add(_ slice: Slice) {
        slices.append(slice)
        work.add(count: slice.count, position: slice.position, drawsNext: slice.drawsNext)
    }
}
