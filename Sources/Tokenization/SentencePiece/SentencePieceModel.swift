import ModelFiles

/// A SentencePiece vocabulary, ready to merge: any two neighbours whose joined text is a token may merge,
/// those with the highest score first.
struct SentencePieceModel: Sendable {
    let table: TokenTable
    /// Of each token: the lower, the earlier it is made. Equal scores have equal ranks.
    let ranks: ConstantTable<UInt32>
    /// All ranks are below it.
    let rankCount: Int
    /// The token of each byte that is in no token of its character; -1 where the vocabulary has none.
    let byteTokens: ConstantTable<TokenID>
    let borders: PieceBorders
    let addsSpacePrefix: Bool

    init(_ source: TokenizerSource, _ kinds: [TokenKind]) {
        let table = TokenTable(source.tokens) { kinds[$0].isOrdinary }
        self.table = table
        let (ranks, rankCount) = Self.ranks(source.scores, count: kinds.count)
        self.ranks = ConstantTable(ranks)
        self.rankCount = rankCount
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
                let text = UnsafeBufferPointer(
                    rebasing: bytes[source.tokens.offsets[id]..<source.tokens.offsets[id + 1]])
                if let byte = ByteToken.byte(text) { tokens[Int(byte)] = TokenID(truncatingIfNeeded: id) }
            }
        }
        return tokens
    }

    /// Numbers the scores in falling order. Scores that are no numbers come last.
    static func ranks(_ scores: [Float], count: Int) -> (ranks: [UInt32], rankCount: Int) {
        guard !scores.isEmpty else { return ([UInt32](repeating: 0, count: count), 1) }
        let order = (0..<count).map { UInt64(fallingKey(scores[$0])) << 32 | UInt64($0) }.sorted()
        var ranks = [UInt32](repeating: 0, count: count)
        var rank: UInt32 = 0
        for (place, entry) in order.enumerated() {
            if place > 0 && entry >> 32 != order[place - 1] >> 32 { rank += 1 }
            ranks[Int(entry & 0xFFFF_FFFF)] = rank
        }
        return (ranks, Int(rank) + 1)
    }

    /// Maps falling scores to rising integers.
    private static func fallingKey(_ score: Float) -> UInt32 {
        guard !score.isNaN else { return .max }
        // Adding 0 makes -0 and 0 one number. The bits of positive floats rise with them, those of negative
        // ones fall.
        let bits = (score + 0).bitPattern
        return bits >> 31 == 0 ? ~(bits | 1 << 31) : bits
    }
}
