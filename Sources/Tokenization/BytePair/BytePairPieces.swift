/// The texts of a byte-pair vocabulary are written in GPT-2's alphabet; here they are read.
enum BytePairPieces {
    /// What each token adds to an answer. Special tokens are written plainly. A text with characters outside
    /// the alphabet stands for itself.
    static func pieces(_ texts: FlatStrings, _ kinds: [TokenKind]) -> FlatStrings {
        texts.mapped { id, text, piece in
            switch kinds[id] {
            case .control, .unknown, .userDefined:
                piece.append(contentsOf: text)
            case .normal:
                if !ByteAlphabet.decode(text, into: &piece) { piece.append(contentsOf: text) }
            case .byte:
                if let byte = ByteToken.byte(text) { piece.append(byte) }
            case .unused, .undefined:
                break
            }
        }
    }

    /// Finds tokens by the bytes that merging makes. Every text counts as written in the alphabet, as in the
    /// reference; one that is not can never come out of merging.
    static func table(_ texts: FlatStrings, _ kinds: [TokenKind]) -> TokenTable {
        let bytes = texts.mapped { _, text, piece in _ = ByteAlphabet.decode(text, into: &piece) }
        return TokenTable(bytes) { kinds[$0].isOrdinary }
    }
}
