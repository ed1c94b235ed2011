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
    /// Keeps tokens whose surprise is closest to the entropy, until their probabilities sum to p; 1 is off
    /// (locally typical sampling, arXiv:2202.00666).
    public var typicalP: Float = 1
    /// Keeps logits within so many standard deviations of the largest one; 0 is off (arXiv:2411.07641).
    public var topNSigma: Float = 0
    /// With this probability all tokens but the least likely of those with at least `xtcThreshold` go; 0 is off.
    public var xtcProbability: Float = 0
    public var xtcThreshold: Float = 0.1
    /// The temperature follows the entropy within this distance of `temperature`; 0 is off.
    public var dynamicRange: Float = 0
    public var dynamicExponent: Float = 1
    /// Tokens that top-p, min-p, typical-p and XTC leave at least.
    public var keptMin = 0
    /// The stages in the order in which they work; those left out do nothing. Nil is `SamplerStage.usualOrder`.
    public var order: [SamplerStage]?
    /// Aims at a surprise instead of truncating; nil is off.
    public var mirostat: Mirostat?
    /// Against repetitions of runs of tokens.
    public var dry = DryParameters()
    /// Only these may be drawn, rising, each once; nil is all.
    public var allowedTokens: [TokenID]?
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

    /// Keeps the surprise of the drawn tokens near a target (arXiv:2007.14966).
    public struct Mirostat: Sendable, Equatable {
        /// 1 estimates how many tokens to keep, 2 drops those whose surprise is too large.
        public var version: Int
        /// The target, in bits.
        public var tau: Float = 5
        /// How quickly an error is corrected.
        public var eta: Float = 0.1

        public init(version: Int) { self.version = version }
    }

    var penalizes: Bool { presencePenalty != 0 || frequencyPenalty != 0 || repetitionPenalty != 1 }

    /// Always the likeliest token of those that may be drawn.
    var isGreedy: Bool { temperature == 0 && dynamicRange == 0 && order == nil }

    /// Whether a draw looks at every token (`CandidateChain`): what `Truncation` does alone is much quicker.
    var usesChain: Bool {
        if allowedTokens != nil { return true }
        if isGreedy { return false }
        return typicalP < 1 || topNSigma > 0 || xtcProbability > 0 || dynamicRange > 0 || keptMin > 1
            || order != nil || mirostat != nil
    }

    /// The stages that change the logits of few tokens, which come before all others.
    var leadingChanges: ArraySlice<SamplerStage> {
        let order = order ?? SamplerStage.usualOrder
        return order.prefix { $0 == .penalties || $0 == .dry }
    }
}
