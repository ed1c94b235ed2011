/// The engine's settings.
public struct EngineConfiguration: Sendable, Equatable {
    /// Requests that may wait for admission; the next one is refused.
    public var queueMax = 256
    /// Sequences that run at once; also bounded by the columns of a model's step.
    public var sequencesMax = 256

    public init() {}
}
