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

    /// Groups that left the queue with this step, in order of arrival.
    var admitted: [SequenceGroup] = []
    /// Decode columns first, then prefill chunks.
    var slices: [Slice] = []
    var columnCount = 0
    /// Columns of prompts among them.
    var promptColumnCount = 0
}
