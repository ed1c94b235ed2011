import ModelFiles

/// What an encoder reads as one: a text, of which it makes an embedding, or two texts, which it scores.
public struct EncoderInput: Sendable, Equatable {
    /// Framed: `[CLS] text [SEP]`, or `[CLS] first [SEP] second [SEP]`.
    public var tokens: [TokenID]
    /// The place of the second text's first token; it and what follows have token type 1. Nil for one text.
    public var secondStart: Int?

    public init(_ tokens: [TokenID], secondStart: Int? = nil) {
        self.tokens = tokens
        self.secondStart = secondStart
    }
}
