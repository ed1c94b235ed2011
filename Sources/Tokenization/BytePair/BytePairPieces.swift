/// The texts of a byte-pair vocabulary are written in GPT-2's alphabet; here they are read.
enum BytePairPieces {
    /// What each token adds to an answer. Special tokens are written plainly. A text with characters outside the alphabet
    /// stands for itself.
    static func pieces(_ texts: FlatStrings, _ kinds: [TokenKind]) -> FlatStrings {
        map(texts) { id, text, piece in
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

    /// Finds tokens by the bytes that merging makes. Every text counts as written in the alphabet, as in the reference;
    /// one that is not can never come out of merging.
    static func table(_ texts: FlatStrings, _ kinds: [TokenKind]) -> TokenTable {
        let bytes = map(texts) { _, text, piece in _ = ByteAlphabet.decode(text, into: &piece) }
        return TokenTable(bytes) { kinds[$0].isOrdinary }
    }

    private static func map(
        _ texts: FlatStrings, _ body: (Int, UnsafeBufferPointer<UInt8>, inout [UInt8]) -> Void
    ) -> FlatStrings {
        var pieces = FlatStrings()
        pieces.reserve(strings: texts.count, bytes: texts.bytes.count)
        var piece: [UInt8] = []
        texts.bytes.withUnsafeBufferPointer { bytes in
            for id in 0..<texts.count {
                piece.removeAll(keepingCapacity: true)
                body(id, UnsafeBufferPointer(rebasing: bytes[texts.offsets[id]..<texts.offsets[id + 1]]), &piece)
                pieces.append(piece)
            }
        }
        return pieces
    }
}
