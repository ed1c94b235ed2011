/// Tokens read and written, as `usage` reports them: a prompt counts once however many answers it gets, an answer
/// with every token that was drawn for it, the one that completed a stop string and the end token included.
struct Usage: Sendable, Equatable {
    var promptTokens = 0
    var completionTokens = 0
    var cachedTokens = 0
    /// Of the completion's tokens, those of reasoning, its end marker included.
    var reasoningTokens = 0
    /// Tokens that were drafted and turned out to be the answer's, and others that cost a column for nothing.
    var acceptedTokens = 0
    var rejectedTokens = 0
    /// What the context could not hold: tokens that prompts lost, messages that a chat lost, and tokens that answers
    /// went on without.
    var truncatedTokens = 0
    var droppedMessages = 0
    var shiftedTokens = 0
}
