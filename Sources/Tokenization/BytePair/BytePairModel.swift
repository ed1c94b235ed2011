import ModelFiles

/// The merge rules of a byte-pair vocabulary, in numbers: symbols instead of strings.
///
/// A symbol is a string of bytes. Symbols 0 ..< vocabulary size are the tokens; those beyond are strings that
/// the merge rules name and the vocabulary lacks. They take part in merging as in the reference, and at the
/// end fall apart into single bytes.
struct BytePairModel: Sendable {
    /// The symbol of each single byte.
    let byteSymbols: ConstantTable<UInt32>
    let pairs: PairTable
    /// All ranks are below it.
    let rankCount: Int
    let tokenCount: Int
    /// The bytes of symbol tokenCount + i.
    let strayTexts: FlatStrings
    /// The token of each single byte; -1 where the vocabulary has none.
    let byteTokens: [TokenID]

    /// - Parameters:
    ///   - table: finds tokens by the bytes that they stand for.
    ///   - merges: "left right" in GPT-2's alphabet, in rank order. A rule without a space, or with a
    ///     character outside the alphabet, can never apply and is passed over.
    init(table: TokenTable, tokenCount: Int, merges: FlatStrings) {
        var interner = SymbolInterner(table: table, tokenCount: tokenCount)
        byteTokens = (0..<256).map { table.find(CollectionOfOne(UInt8($0))) }
        byteSymbols = ConstantTable(
            (0..<256).map { byte in
                var text = [UInt8(byte)]
                return interner.symbol(&text)
            })
        pairs = PairTable(Self.rules(merges, &interner))
        rankCount = merges.count
        self.tokenCount = tokenCount
        strayTexts = interner.strays
    }

    private static func rules(
        _ merges: FlatStrings, _ interner: inout SymbolInterner
    ) -> [(key: UInt64, rule: PairTable.Rule)] {
        var pairs: [(key: UInt64, rule: PairTable.Rule)] = []
        pairs.reserveCapacity(merges.count)
        var left: [UInt8] = []
        var right: [UInt8] = []
        merges.bytes.withUnsafeBufferPointer { bytes in
            for rank in 0..<merges.count {
                let merge = UnsafeBufferPointer(
                    rebasing: bytes[merges.offsets[rank]..<merges.offsets[rank + 1]])
                // The space is looked for from the second byte on: the left side is never empty.
                guard let space = merge.dropFirst().firstIndex(of: UInt8(ascii: " ")) else { continue }
                left.removeAll(keepingCapacity: true)
                right.removeAll(keepingCapacity: true)
                guard ByteAlphabet.decode(UnsafeBufferPointer(rebasing: merge[..<space]), into: &left),
                    ByteAlphabet.decode(UnsafeBufferPointer(rebasing: merge[(space + 1)...]), into: &right),
                    !right.isEmpty
                else { continue }
                let key = UInt64(interner.symbol(&left)) << 32 | UInt64(interner.symbol(&right))
                left.append(contentsOf: right)
                let merged = interner.symbol(&left)
                pairs.append((key, PairTable.Rule(rank: UInt32(truncatingIfNeeded: rank), merged: merged)))
            }
        }
        return pairs
    }

    /// Appends the tokens of a final symbol.
    @inline(__always)
    func append(_ symbol: UInt32, to tokens: inout [TokenID]) {
        if Int(symbol) < tokenCount {
            tokens.append(TokenID(truncatingIfNeeded: symbol))
        } else {
            appendStray(Int(symbol) - tokenCount, to: &tokens)
        }
    }

    /// A byte without a token of its own leaves no trace: the vocabulary cannot express it.
    private func appendStray(_ index: Int, to tokens: inout [TokenID]) {
        for byte in strayTexts[index] where byteTokens[Int(byte)] >= 0 {
            tokens.append(byteTokens[Int(byte)])
        }
    }
}

/// Gives every byte string one number while the rules are read.
private struct SymbolInterner {
    let table: TokenTable
    let tokenCount: Int
    var strays = FlatStrings()
    private var strayIndex: [[UInt8]: UInt32] = [:]

    init(table: TokenTable, tokenCount: Int) {
        self.table = table
        self.tokenCount = tokenCount
    }

    mutating func symbol(_ text: inout [UInt8]) -> UInt32 {
        let token = text.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map { table.find($0, buffer.count) } ?? -1
        }
        if token >= 0 { return UInt32(token) }
        if let known = strayIndex[text] { return known }
        let symbol = UInt32(truncatingIfNeeded: tokenCount + strays.count)
        strayIndex[text] = symbol
        strays.append(text)
        return symbol
    }
}
