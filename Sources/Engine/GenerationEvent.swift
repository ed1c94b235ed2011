import ModelFiles

/// A token and the natural logarithm of its probability in the model's own distribution, before
/// temperature and truncation.
public struct TokenLogprob: Sendable, Equatable {
    public var token: TokenID
    public var logprob: Float

    public init(token: TokenID, logprob: Float) {
        self.token = token
        self.logprob = logprob
    }
}

/// A token of the prompt and how likely the model held it for, after those before it.
public struct PromptToken: Sendable, Equatable {
    public var token: TokenID
    public var logprob: Float
    /// 1 is the likeliest.
    public var rank: Int
    /// The likeliest tokens at its place, best first.
    public var alternatives: [TokenLogprob]

    public init(token: TokenID, logprob: Float, rank: Int, alternatives: [TokenLogprob]) {
        self.token = token
        self.logprob = logprob
        self.rank = rank
        self.alternatives = alternatives
    }
}

public enum FinishReason: Sendable, Equatable {
    /// The model drew this stop token; it is among the choice's token events only where asked for.
    case stopToken(TokenID)
    /// `tokensMax` or the context's end was reached.
    case length
    /// The request's time was over.
    case timeout
    /// The caller cancelled.
    case cancelled
    /// The engine could not go on; the text says why.
    case failed(String)
}

/// Where a request's time went, in nanoseconds of the monotonic clock.
public struct GenerationTimings: Sendable, Equatable {
    public var queued: UInt64 = 0
    public var prefill: UInt64 = 0
    public var decode: UInt64 = 0

    public init() {}
}

/// What happens to a request between submission and end. `choice` counts from 0.
public enum GenerationEvent: Sendable, Equatable {
    /// The request left the queue.
    case admitted
    /// So many of the prompt's tokens are there, of which some did not have to be computed. Only where asked for.
    case progress(processed: Int, cachedTokens: Int)
    /// The next tokens of the prompt, from its second one on; nothing comes before the first. Only where asked for.
    case promptTokens([PromptToken])
    /// Its prompt has been read; `cachedTokens` of it did not have to be computed.
    case prefilled(cachedTokens: Int)
    /// The prompt's embedding, not normalised; `width` numbers of the model's state. Only where asked for.
    case embedding([Float])
    /// One more token; `alternatives` are the likeliest tokens, best first. `logprob` is nil unless asked for.
    case token(choice: Int, token: TokenID, logprob: Float?, alternatives: [TokenLogprob])
    /// Of so many drafted tokens these were what was drawn (see `Speculation`); their tokens come with the others.
    case drafted(choice: Int, count: Int, acceptedCount: Int)
    /// A choice went on past the context's end without so many of its oldest tokens. Only where asked for.
    case shifted(choice: Int, droppedTokens: Int)
    case finished(choice: Int, reason: FinishReason)
    /// Every choice has finished; the last event.
    case ended(timings: GenerationTimings)
}
