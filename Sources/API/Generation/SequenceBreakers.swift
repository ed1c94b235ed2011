import ModelFiles
import Synchronization
import Tokenization

/// The tokens at which DRY's repetitions end, found once for each list of texts.
///
/// A text ends a repetition where it stands in one token, or begins in one and goes on in the next ones as it would
/// be tokenised alone (https://github.com/LostRuins/koboldcpp/pull/982).
final class SequenceBreakers: Sendable {
    typealias Table = [TokenID: [[TokenID]]]

    /// Lists whose tables are kept.
    private static let keptCountMax = 16
    /// Tokens in which a text may go on.
    private static let tailTokensMax = 20

    private let tokenizer: Tokenizer
    private let kept = Mutex<[[String]: Table]>([:])

    init(_ tokenizer: Tokenizer) {
        self.tokenizer = tokenizer
    }

    func of(_ texts: [String]) -> Table {
        if let known = kept.withLock({ $0[texts] }) { return known }
        let table = find(texts.map { Array($0.utf8) }.filter { !$0.isEmpty })
        kept.withLock { kept in
            if kept.count >= Self.keptCountMax { kept.removeAll() }
            kept[texts] = table
        }
        return table
    }

    private func find(_ breakers: [[UInt8]]) -> Table {
        // Most bytes of a vocabulary begin no breaker.
        var beginners: [[Int]] = Array(repeating: [], count: 256)
        for (index, text) in breakers.enumerated() { beginners[Int(text[0])].append(index) }
        var tails: [ArraySlice<UInt8>: [TokenID]] = [:]
        var table: Table = [:]
        for token in 0..<TokenID(clamping: tokenizer.vocabularyCount) {
            let word = tokenizer.bytes(of: token, special: true)
            var found: Set<[TokenID]> = []
            for place in word.indices {
                for index in beginners[Int(word[place])] {
                    let text = breakers[index]
                    let common = min(text.count, word.endIndex - place)
                    guard word[place..<place + common] == text[..<common] else { continue }
                    let rest = text[common...]
                    let tail = tails[rest] ?? encode(rest)
                    tails[rest] = tail
                    found.insert(tail)
                }
            }
            if !found.isEmpty { table[token] = found.sorted { $0.lexicographicallyPrecedes($1) } }
        }
        return table
    }

    private func encode(_ text: ArraySlice<UInt8>) -> [TokenID] {
        guard !text.isEmpty else { return [] }
        return Array(
            tokenizer.encode(text, addSpecial: false, parseSpecial: false).prefix(Self.tailTokensMax))
    }
}
