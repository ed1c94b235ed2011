import ModelFiles

/// Don't Repeat Yourself: a token that would lengthen a repetition of the last tokens loses
/// `multiplier · base^(length - allowedLength)` of its logit, where the length is that of the repetition before it
/// (https://github.com/oobabooga/text-generation-webui/pull/5677).
public struct DryParameters: Sendable, Equatable {
    /// 0 is off.
    public var multiplier: Float = 0
    /// At least 1.
    public var base: Float = 1.75
    /// Shorter repetitions cost nothing.
    public var allowedLength = 2
    /// The last tokens of prompt and answer that are searched; nil is all.
    public var window: Int? = 64
    /// Where a repetition ends: the first token of a breaker, and for each way that it goes on the tokens that follow.
    public var breakers: [TokenID: [[TokenID]]] = [:]

    public init() {}

    public var isOn: Bool { multiplier != 0 && window != 0 }
}
