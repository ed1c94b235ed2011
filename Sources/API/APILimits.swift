/// What one request may ask for. Each limit is named in the error that it causes.
public enum APILimits {
    /// Messages of a chat.
    public static let messageCountMax = 4096
    /// Tools that a request offers.
    public static let toolCountMax = 512
    /// UTF-8 bytes of a tool's name, and of an id that a model gives to a call.
    public static let toolNameBytesMax = 128
    /// Prompts of one completion request.
    public static let promptCountMax = 256
    /// Answers to one prompt (`n`), as OpenAI's.
    public static let choiceCountMax = 128
    /// Answers of one request over all of its prompts.
    public static let choiceTotalMax = 1024
    /// Stop strings.
    public static let stopCountMax = 16
    /// UTF-8 bytes of one stop string.
    public static let stopBytesMax = 256
    /// `stop_token_ids`, as vLLM's.
    public static let stopTokenCountMax = 128
    /// `allowed_token_ids`
    public static let allowedTokenCountMax = 65_536
    /// `bad_words`, and UTF-8 bytes of one.
    public static let badWordCountMax = 128
    public static let badWordBytesMax = 256
    /// Alternatives reported beside each token.
    public static let topLogprobsMax = 20
    /// Far above what is of any use, but a number that divides logits safely.
    public static let temperatureMax: Double = 100
    /// What `repetition_penalty` may be: logits stay numbers.
    public static let repetitionPenalties: ClosedRange<Double> = 0.01...100
    /// Entries of a `logit_bias`, and UTF-8 bytes of a text in it.
    public static let logitBiasCountMax = 1024
    public static let biasTextBytesMax = 256
    /// Far more deviations than any logit is away from the mean.
    public static let topNSigmaMax: Double = 1000
    /// Bits of surprise; 100 is more than any vocabulary has.
    public static let mirostatTauMax: Double = 100
    /// `use_beam_search`: twice as many candidates are asked for, of which the engine gives 20.
    public static let beamCountMax = 10
    /// `length_penalty`, above and below 0.
    public static let lengthPenaltyMax: Double = 10
    /// `dry_multiplier` and `dry_base`: what they give stays a number.
    public static let dryMultiplierMax: Double = 100
    public static let dryBaseMax: Double = 100
    /// `dry_sequence_breakers`, and UTF-8 bytes of one.
    public static let dryBreakerCountMax = 16
    public static let dryBreakerBytesMax = 40
    /// UTF-8 bytes of `cache_salt`.
    public static let cacheSaltBytesMax = 256
    /// `timeout_ms`: one day.
    public static let timeoutMillisecondsMax = 86_400_000
    /// Tokens in a request of `/detokenize` or in a completion's prompt; also bounds what `max_tokens` may say.
    public static let tokenCountMax = 16_777_216
    /// Texts of one embedding or rerank request, as OpenAI's.
    public static let embeddingInputCountMax = 2048
    /// Names listed in `x-apus-ignored`, and bytes of each.
    public static let ignoredNameCountMax = 32
    public static let ignoredNameBytesMax = 64
}
