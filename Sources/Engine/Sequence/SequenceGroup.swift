/// A request's number: rises with each submission to an engine.
typealias RequestID = UInt64

/// The sequences of one request: they share the prompt, which is computed once.
///
/// Confined to the engine's thread.
final class SequenceGroup {
    let id: RequestID
    let request: GenerationRequest
    let size: RequestSize
    /// Monotonic clock, nanoseconds.
    let arrivedAt: UInt64
    /// Nil when no embedding is wanted.
    let pooling: PromptPooling?
    /// One per choice; none after the last has finished.
    private(set) var sequences: [Sequence] = []
    /// The prompt has been read and the choices go their own ways.
    var isForked = false
    /// Columns of the prompt that were computed for it, again after a pause included.
    var promptColumns = 0
    /// Tokens of the prompt whose probabilities are known to the caller; the first has none.
    var promptTokensReported = 1

    /// - Parameter stateWidth: numbers of the model's state.
    init(
        id: RequestID, request: GenerationRequest, size: RequestSize, arrivedAt: UInt64, stateWidth: Int = 0
    ) {
        self.id = id
        self.request = request
        self.size = size
        self.arrivedAt = arrivedAt
        pooling = request.pooling.map {
            PromptPooling($0, promptCount: size.promptCount, width: stateWidth)
        }
        sequences = (0..<size.choiceCount).map { Sequence(group: self, choice: $0) }
        for follower in sequences.dropFirst() { follower.phase = .following }
    }

    /// Lets go of the sequences, which refer to the group.
    func dissolve() {
        precondition(leader == nil, "dissolved a group with a live sequence")
        sequences = []
    }

    /// The choices that have not finished, by number.
    var live: [Sequence] { sequences.filter { $0.phase != .finished } }

    /// The first live sequence; it reads the prompt for all. Nil when the group has finished.
    var leader: Sequence? { sequences.first { $0.phase != .finished } }

    /// When it has to be finished, monotonic clock in nanoseconds; nil when there is no limit.
    var deadline: UInt64? {
        guard let timeout = request.timeout else { return nil }
        let (sum, overflows) = arrivedAt.addingReportingOverflow(timeout.nanoseconds)
        return overflows ? nil : sum
    }

    /// The logits of every column of the prompt are wanted.
    var reportsPrompt: Bool { request.promptAlternatives != nil && !isForked }

    /// Every column of the prompt has to be computed, whatever the cache has.
    var computesWholePrompt: Bool { reportsPrompt || pooling?.needsEarlierStates == true }

    /// Tokens of the prompt that did not have to be computed.
    var cachedTokens: Int { max(0, size.promptCount - promptColumns) }
}
