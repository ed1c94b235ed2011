import ModelFiles

/// `tokenizer.ggml.model` = bert: WordPiece. In GGUF the first piece of a word starts with ▁; BERT's own ##
/// is gone.
struct WordPieceFamily: TokenizerFamily {
    /// BERT frames every text with [CLS] and [SEP].
    let addsBOS = true
    let endsWithSeparator = true

    func hasSpacePrefix(_ source: TokenizerSource) -> Bool { true }

    func pieces(_ source: TokenizerSource, _ kinds: [TokenKind]) -> FlatStrings {
        source.tokens.mapped { id, text, piece in
            switch kinds[id] {
            case .control, .unknown, .userDefined: piece.append(contentsOf: text)
            case .normal, .byte, .unused, .undefined: SpaceMark.unescape(text, into: &piece)
            }
        }
    }

    func encoders(_ source: TokenizerSource, _ kinds: [TokenKind]) -> EncoderPool {
        var literals: [(text: ArraySlice<UInt8>, token: TokenID)] = []
        literals.reserveCapacity(kinds.count)
        for id in 0..<kinds.count where kinds[id].isOrdinary {
            literals.append((source.tokens[id], TokenID(truncatingIfNeeded: id)))
        }
        let trie = ByteTrie(literals)
        let normalizer = WordNormalizer(lowercases: source.lowercases, stripsAccents: source.stripsAccents)
        let unknown = source.unknown
        let charactersMax = source.wordCharactersMax ?? .max
        return EncoderPool {
            WordPieceEncoder(
                trie: trie, normalizer: normalizer, unknown: unknown, wordCharactersMax: charactersMax)
        }
    }
}
