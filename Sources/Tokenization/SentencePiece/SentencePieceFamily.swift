/// `tokenizer.ggml.model` = llama: SentencePiece with merging by score.
struct SentencePieceFamily: TokenizerFamily {
    let addsBOS = true
    let endsWithSeparator = false

    func hasSpacePrefix(_ source: TokenizerSource) -> Bool { source.addsSpacePrefix ?? true }

    /// Only normal tokens write a space as ▁; the texts of user-defined ones are what they are.
    func pieces(_ source: TokenizerSource, _ kinds: [TokenKind]) -> FlatStrings {
        source.tokens.mapped { id, text, piece in
            switch kinds[id] {
            case .control, .unknown, .userDefined: piece.append(contentsOf: text)
            case .normal: SpaceMark.unescape(text, into: &piece)
            case .byte: if let byte = ByteToken.byte(text) { piece.append(byte) }
            case .unused, .undefined: break
            }
        }
    }

    func encoders(_ source: TokenizerSource, _ kinds: [TokenKind]) -> EncoderPool {
        let model = SentencePieceModel(source, kinds)
        return EncoderPool { SentencePieceEncoder(model) }
    }
}
