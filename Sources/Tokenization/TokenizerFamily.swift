/// The kinds of tokenizers, and what each makes of a vocabulary.
enum TokenizerFamily {
    case bytePair(PreTokenizer)

    init(_ source: TokenizerSource) throws(TokenizerError) {
        switch source.model {
        case "gpt2":
            guard let preTokenizer = PreTokenizer(named: source.preTokenizer) else {
                throw .unsupportedPreTokenizer(source.preTokenizer)
            }
            self = .bytePair(preTokenizer)
        default:
            throw .unsupportedModel(source.model)
        }
    }

    /// Whether the file's silence means that texts start with the beginning-of-sequence token.
    var addsBOS: Bool {
        switch self {
        case .bytePair(let preTokenizer): preTokenizer.addsBOS
        }
    }

    /// BERT closes a text with its separator.
    var endsWithSeparator: Bool {
        switch self {
        case .bytePair: false
        }
    }

    func hasSpacePrefix(_ source: TokenizerSource) -> Bool {
        switch self {
        case .bytePair: source.addsSpacePrefix ?? false
        }
    }

    /// The bytes that each token stands for.
    func pieces(_ source: TokenizerSource, _ kinds: [TokenKind]) -> FlatStrings {
        switch self {
        case .bytePair: BytePairPieces.pieces(source.tokens, kinds)
        }
    }

    func encoders(_ source: TokenizerSource, _ kinds: [TokenKind]) -> EncoderPool {
        switch self {
        case .bytePair(let preTokenizer):
            let table = BytePairPieces.table(source.tokens, kinds)
            let model = BytePairModel(table: table, tokenCount: source.tokens.count, merges: source.merges)
            return EncoderPool { BytePairEncoder(model: model, table: table, preTokenizer: preTokenizer) }
        }
    }
}
