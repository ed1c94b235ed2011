import ModelFiles

/// Applies the merge rules to one word: the pair of the lowest rank first, of equal ranks the leftmost.
///
/// Short words, nearly all, are searched linearly for their best pair; long ones go through a `MergeChain`,
/// so that a word of a megabyte takes n log n steps. The working memory is kept from word to word.
final class BytePairMerger {
    /// Up to this many bytes the quadratic search is faster than the chain.
    private static let linearBytesMax = 48

    private let model: BytePairModel
    private let symbols: UnsafeMutablePointer<UInt32>
    /// Rank of the pair that starts at each symbol.
    private let ranks: UnsafeMutablePointer<UInt32>
    private lazy var chain = MergeChain(rankCount: model.rankCount)

    init(_ model: BytePairModel) {
        self.model = model
        symbols = .allocate(capacity: Self.linearBytesMax)
        ranks = .allocate(capacity: Self.linearBytesMax)
    }

    deinit {
        symbols.deallocate()
        ranks.deallocate()
    }

    /// - Parameter count: at least 1 and below 2^31.
    func append(_ word: UnsafePointer<UInt8>, _ count: Int, to tokens: inout [TokenID]) {
        if count == 1 {
            model.append(model.byteSymbols.base[Int(word[0])], to: &tokens)
        } else if count <= Self.linearBytesMax {
            appendShort(word, count, to: &tokens)
        } else {
            appendLong(word, count, to: &tokens)
        }
    }

    private func appendShort(_ word: UnsafePointer<UInt8>, _ length: Int, to tokens: inout [TokenID]) {
        var count = length
        for i in 0..<count { symbols[i] = model.byteSymbols.base[Int(word[i])] }
        for i in 0..<count - 1 { ranks[i] = model.pairs.rule(symbols[i], symbols[i + 1]).rank }
        while count > 1 {
            var best = 0
            for i in 1..<max(count - 1, 1) where ranks[i] < ranks[best] { best = i }
            if ranks[best] == PairTable.noRank { break }
            symbols[best] = model.pairs.rule(symbols[best], symbols[best + 1]).merged
            count -= 1
            for i in best + 1..<max(count, best + 1) {
                symbols[i] = symbols[i + 1]
                ranks[i - 1] = ranks[i]
            }
            if best + 1 < count { ranks[best] = model.pairs.rule(symbols[best], symbols[best + 1]).rank }
            if best > 0 { ranks[best - 1] = model.pairs.rule(symbols[best - 1], symbols[best]).rank }
        }
        for i in 0..<count { model.append(symbols[i], to: &tokens) }
    }

    private func appendLong(_ word: UnsafePointer<UInt8>, _ count: Int, to tokens: inout [TokenID]) {
        let chain = chain
        chain.reset(count) { model.byteSymbols.base[Int(word[$0])] }
        for i in 0..<count - 1 {
            chain.propose(i, rank: model.pairs.rule(chain.symbol(i), chain.symbol(i + 1)).rank)
        }
        while let left = chain.popBest() {
            let right = chain.next(left)
            chain.merge(left, into: model.pairs.rule(chain.symbol(left), chain.symbol(right)).merged)
            let previous = chain.previous(left)
            if previous >= 0 {
                chain.propose(
                    previous, rank: model.pairs.rule(chain.symbol(previous), chain.symbol(left)).rank)
            }
            let next = chain.next(left)
            if next < count {
                chain.propose(left, rank: model.pairs.rule(chain.symbol(left), chain.symbol(next)).rank)
            }
        }
        var at = 0
        while at < count {
            model.append(chain.symbol(at), to: &tokens)
            at = chain.next(at)
        }
        chain.shrink()
    }
}
