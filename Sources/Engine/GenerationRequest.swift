import ModelFiles
import Models

/// Everything that the engine may know of a request.
public struct GenerationRequest: Sendable {
    public var prompt: [TokenID]
    /// Answers to generate from the one prompt (`n`).
    public var choiceCount = 1
    /// The most new tokens of each choice; 0 only reads the prompt.
    public var tokensMax: Int
    public var sampling = SamplingParameters()
    /// An embedding of the prompt is wanted, pooled so; then `tokensMax` is 0 and there is one choice.
    public var pooling: Pooling?
    /// Tokens that end a choice (the vocabulary's end-of-generation tokens, or none).
    public var stopTokens: Set<TokenID> = []
    /// Whether the stop token that ends a choice is among its token events.
    public var reportsStopToken = false
    /// Tokens that are never drawn (`ignore_eos`).
    public var bannedTokens: Set<TokenID> = []
    /// Tokens of each choice before which no stop token is drawn (`min_tokens`).
    public var tokensMin = 0
    /// Runs of tokens that a choice never contains (`bad_words`); none is empty.
    public var bannedSequences: [[TokenID]] = []
    /// Whether token events carry log-probabilities.
    public var wantsLogprobs = false
    /// Whether these are of the distribution that is drawn from, instead of the model's own.
    public var reportsSampledDistribution = false
    /// At the context's end the oldest tokens make room, instead of ending the answer (see `ContextShift`).
    public var shiftsContext = false
    /// Whether events tell how far the prompt was read.
    public var wantsProgress = false
    /// Likeliest alternatives reported with each token, 0 ... 20.
    public var alternativeCount = 0
    /// Alternatives reported with each token of the prompt, 0 ... 20; nil does not report them. Then the whole prompt
    /// is computed, whatever the cache has.
    public var promptAlternatives: Int?
    /// Whether others may find what is computed for it, and it what was computed for others.
    public var usesPrefixCache = true
    /// Only requests with the same salt find each other's prompts.
    public var cacheSalt = ""
    /// Whose request it is; keys that have work get equal shares of it.
    public var key = ""
    /// The smaller, the more urgent. One step is worth ten seconds of waiting.
    public var priority = 0
    /// Time from submission after which it ends as it is; nil is none.
    public var timeout: Duration?

    /// Priorities that a request may have.
    public static let priorityRange = -1000...1000

    public init(prompt: [TokenID], tokensMax: Int) {
        self.prompt = prompt
        self.tokensMax = tokensMax
    }
}
