import ModelFiles

/// The tokens that the next one follows.
struct TokenHistory {
    /// Prompt and answer.
    let tokens: [TokenID]
    let promptCount: Int

    var answer: ArraySlice<TokenID> { tokens[min(promptCount, tokens.count)...] }
}
