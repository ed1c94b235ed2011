/// A piece of a rendered prompt.
public struct ChatSegment: Sendable, Equatable {
    /// UTF-8.
    public var text: [UInt8]
    /// Whether this is the template's own text. Only there may the tokenizer read control tokens: what came
    /// out of a request (message contents, tool descriptions, names) is plain text whatever it looks like.
    public var isTemplate: Bool

    public init(text: [UInt8], isTemplate: Bool) {
        self.text = text
        self.isTemplate = isTemplate
    }
}
