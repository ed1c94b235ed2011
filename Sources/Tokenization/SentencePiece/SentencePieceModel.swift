import ModelFiles

/// A SentencePiece vocabulary, ready to merge: any two neighbours whose joined text is a token may merge, those with the
/// highest score first.
struct SentencePieceModel: Sendable {
    let table: TokenTable
    /// Of each token: the lower, the earlier it is made; the order of falling scores.
    let ranks: ConstantTable<UInt32>
    /// The token of each byte that is in no token of its character; -1 where the vocabulary has none.
    let byteTokens: ConstantTable<TokenID>
    let borders: PieceBorders
    let addsSpacePrefix: Bool

    init(_ source: TokenizerSource, _ kinds: [TokenKind]) {
        let table = TokenTable(source.tokens) { kinds[$0].isOrdinary }
        self.table = table
        ranks = ConstantTable((0..<kinds.count).map { source.scores.isEmpty ? Self.rank(0) : Self.rank(source.scores[$0]) })
        borders = PieceBorders(source.tokens) { kinds[$0].isOrdinary }
        addsSpacePrefix = source.addsSpacePrefix ?? true
        byteTokens = ConstantTable(Self.byteTokens(source, table))
    }

    /// <0xXX>, else the byte as a text of its own, else the unknown token.
    private static func byteTokens(_ source: TokenizerSource, _ table: TokenTable) -> [TokenID] {
        var tokens = (0..<256).map { byte in
            let plain = table.find(CollectionOfOne(UInt8(byte)))
            return plain >= 0 ? plain : source.unknown ?? -1
        }
        source.tokens.bytes.withUnsafeBufferPointer { bytes in
            for id in (0..<source.tokens.count).reversed() {
                let text = UnsafeBufferPointer(rebasing: bytes[source.tokens.offsets[id]..<source.tokens.offsets[id + 1]])
                if let byte = ByteToken.byte(text) { tokens[Int(byte)] = TokenID(truncatingIfNeeded: id) }
            }
        }
        return tokens
    }

    /// Maps falling scores to rising numbers below `MergeChain.noRank`. A score that is no number comes last.
    static func rank(_ score: Float) -> UInt32 {
        guard !score.isNaN else { return MergeChain.noRank - 1 }
        // Adding 0 makes -0 and 0 one number. The bits of positive floats rise with them, those of negative ones fall.
        let bits = (score + 0).bitPattern
        let rising = bits >> 31 == 0 ? bits | 1 << 31 : ~bits
        return min(~rising, MergeChain.noRank - 1)
    }
}
