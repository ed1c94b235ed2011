import ModelFiles

/// `tokenizer.ggml.model` = gpt2: byte pairs.
struct BytePairFamily: TokenizerFamily {
    private let preTokenizer: PreTokenizer

    init(_ source: TokenizerSource) throws(TokenizerError) {
        guard let preTokenizer = PreTokenizer(named: source.preTokenizer) else {
            throw .unsupportedPreTokenizer(source.preTokenizer)
        }
        self.preTokenizer = preTokenizer
    }

    var addsBOS: Bool { preTokenizer.addsBOS }
    let endsWithSeparator = false

    /// Files set `add_space_prefix` here too; byte-pair encoders have no such thing.
    func hasSpacePrefix(_ source: TokenizerSource) -> Bool { false }

    func pieces(_ source: TokenizerSource, _ kinds: [TokenKind]) -> FlatStrings {
        BytePairPieces.pieces(source.tokens, kinds)
    }

    func encoders(_ source: TokenizerSource, _ kinds: [TokenKind]) -> EncoderPool {
        let table = BytePairPieces.table(source.tokens, kinds)
        let model = BytePairModel(table: table, tokenCount: source.tokens.count, merges: source.merges)
        let preTokenizer = preTokenizer
        return EncoderPool { BytePairEncoder(model: model, table: table, preTokenizer: preTokenizer) }
    }
}
