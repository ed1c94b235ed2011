/// What one request may ask for. Each limit is named in the error that it causes.
public enum APILimits {
    /// Messages of a chat.
    public static let messageCountMax = 4096
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
    /// Alternatives reported beside each token.
    public static let topLogprobsMax = 20
    /// Far above what is of any use, but a number that divides logits safely.
    public static let temperatureMax: Double = 100
    /// What `repetition_penalty` may be: logits stay numbers.
    public static let repetitionPenalties: ClosedRange<Double> = 0.01...100
    /// Tokens of a `logit_bias`.
    public static let logitBiasCountMax = 1024
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
