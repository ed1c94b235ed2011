/// A kind of tokenizer: what it makes of a vocabulary, and what a file's silence means to it.
protocol TokenizerFamily {
    /// Whether texts start with the beginning-of-sequence token when the file does not say.
    var addsBOS: Bool { get }
    /// Whether texts end with the separator, as BERT's do, instead of the end-of-sequence token.
    var endsWithSeparator: Bool { get }

    /// Whether a decoded text starts with a space that encoding put there.
    func hasSpacePrefix(_ source: TokenizerSource) -> Bool

    /// The bytes that each token stands for.
    func pieces(_ source: TokenizerSource, _ kinds: [TokenKind]) -> FlatStrings

    func encoders(_ source: TokenizerSource, _ kinds: [TokenKind]) -> EncoderPool
}

/// The family that `tokenizer.ggml.model` names.
func tokenizerFamily(_ source: TokenizerSource) throws(TokenizerError) -> any TokenizerFamily {
    switch source.model {
    case "gpt2": try BytePairFamily(source)
    case "llama": SentencePieceFamily()
    case "bert": WordPieceFamily()
    default: throw .unsupportedModel(source.model)
    }
}
