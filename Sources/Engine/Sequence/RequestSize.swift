/// What a request takes at most, in tokens.
struct RequestSize: Equatable, Sendable {
    /// Tokens of the prompt; at least 1.
    var promptCount: Int
    /// The most tokens that a choice may get: the request's limit, clipped to the context unless it shifts.
    var answerMax: Int
    /// Answers to the one prompt; at least 1.
    var choiceCount: Int
    var contextLength = Int.max

    /// Positions of one choice at its longest. The token drawn last is never computed.
    var positionsMax: Int { min(promptCount + max(answerMax - 1, 0), contextLength) }
}
