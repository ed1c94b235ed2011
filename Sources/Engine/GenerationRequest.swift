import ModelFiles

/// How a token is drawn from the model's distribution.
public struct SamplingParameters: Sendable, Equatable {
    /// 0 is greedy.
    public var temperature: Float = 1
    /// Keeps the k likeliest tokens; 0 is off.
    public var topK: Int = 0
    /// Keeps the likeliest tokens whose probabilities sum to p; 1 is off.
    public var topP: Float = 1
    /// Drops tokens less likely than this fraction of the likeliest one; 0 is off.
    public var minP: Float = 0
    /// Added to the logits of these tokens, before the temperature.
    public var logitBias: [TokenID: Float] = [:]
    /// Subtracted from the logits of tokens that the answer has; 0 is off.
    public var presencePenalty: Float = 0
    /// Subtracted once for each time that the answer has the token; 0 is off.
    public var frequencyPenalty: Float = 0
    /// What positive logits of tokens that occurred are divided by, and negative ones multiplied with; above
    /// 0, and 1 is off.
    public var repetitionPenalty: Float = 1
    /// The last tokens of prompt and answer that the repetition penalty is about; nil is all.
    public var repetitionWindow: Int?
    /// The same seed and request give the same tokens; nil draws one.
    public var seed: UInt64?

    public init() {}

    var penalizes: Bool { presencePenalty != 0 || frequencyPenalty != 0 || repetitionPenalty != 1 }
    var changesLogits: Bool { penalizes || !logitBias.isEmpty }
}

/// Everything that the engine may know of a request.
public struct GenerationRequest: Sendable {
    public var prompt: [TokenID]
    /// Answers to generate from the one prompt (`n`).
    public var choiceCount = 1
    /// The most new tokens of each choice; 0 only reads the prompt.
    public var tokensMax: Int
    public var sampling = SamplingParameters()
    /// Tokens that end a choice (the vocabulary's end-of-generation tokens, or none).
    public var stopTokens: Set<TokenID> = []
    /// Tokens that are never drawn (`ignore_eos`).
    public var bannedTokens: Set<TokenID> = []
    /// Whether token events carry log-probabilities.
    public var wantsLogprobs = false
    /// Likeliest alternatives reported with each token, 0 ... 20.
    public var alternativeCount = 0
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
