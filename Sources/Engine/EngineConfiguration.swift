/// The engine's settings.
public struct EngineConfiguration: Sendable, Equatable {
    /// Requests that may wait for admission; the next one is refused.
    public var queueMax = 256
    /// Prompt tokens of the requests that wait; a request that would make them more is refused, except when it
    /// would wait alone.
    public var queueTokensMax = 1 << 20
    /// Sequences that run at once; also bounded by the columns of a model's step.
    public var sequencesMax = 256
    /// The longest time between two tokens of an answer that prompts of others may cause.
    public var interTokenBudget = Duration.milliseconds(100)
    /// Columns of one prompt in a step at most; nil leaves it to the time that they take.
    public var chunkColumnsMax: Int?
    /// Whether answers that repeat what was there get several tokens a step.
    public var speculation = Speculation.ngram

    public init() {}
}
