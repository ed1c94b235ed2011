import ModelFiles

/// Turns ordinary text into the tokens of a byte-pair vocabulary: cuts it into words, and merges the bytes of
/// each.
///
/// Holds working memory and remembers words; one thread at a time.
final class BytePairEncoder: TextEncoder {
    private let model: BytePairModel
    private let table: TokenTable
    private let preTokenizer: PreTokenizer
    private let merger: BytePairMerger
    private let cache = WordCache()

    init(model: BytePairModel, table: TokenTable, preTokenizer: PreTokenizer) {
        self.model = model
        self.table = table
        self.preTokenizer = preTokenizer
        merger = BytePairMerger(model)
    }

    func append(_ text: UnsafeBufferPointer<UInt8>, afterSpecial: Bool, to tokens: inout [TokenID]) {
        guard let base = text.baseAddress, text.count > 0 else { return }
        let cursor = TextCursor(base, end: text.count)
        preTokenizer.rule.forEachWord(cursor) { start, end in
            appendWord(base + start, end - start, readable: cursor.end - start, to: &tokens)
        }
    }

    @inline(__always)
    private func appendWord(
        _ word: UnsafePointer<UInt8>, _ count: Int, readable: Int, to tokens: inout [TokenID]
    ) {
        guard count <= WordCache.wordBytesMax else { return mergeWord(word, count, to: &tokens) }
        let key = WordCache.Key(word, count, readable: readable)
        if cache.append(key, to: &tokens) { return }
        let start = tokens.count
        mergeWord(word, count, to: &tokens)
        cache.insert(key, tokens[start...])
    }

    private func mergeWord(_ word: UnsafePointer<UInt8>, _ count: Int, to tokens: inout [TokenID]) {
        if preTokenizer.ignoresMerges {
            let token = table.find(word, count)
            if token >= 0 {
                tokens.append(token)
                return
            }
        }
        merger.append(word, count, to: &tokens)
    }
}
