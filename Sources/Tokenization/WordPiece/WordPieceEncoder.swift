import ModelFiles

/// Turns ordinary text into WordPiece tokens: cuts it into words, and takes the longest token at each place
/// of a word.
///
/// A word that does not come out even is one unknown token. Holds working memory; one thread at a time.
final class WordPieceEncoder: TextEncoder {
    private let trie: ByteTrie
    private let normalizer: WordNormalizer
    private let unknown: TokenID?
    /// A longer word is unknown.
    private let wordCharactersMax: Int
    private var wordCharacters = 0
    /// The word in work: ▁, then its characters.
    private var word: [UInt8] = SpaceMark.bytes
    /// Working memory for longer words is given back after use.
    private static let wordBytesKept = 1 << 12

    init(trie: ByteTrie, normalizer: WordNormalizer, unknown: TokenID?, wordCharactersMax: Int = .max) {
        self.trie = trie
        self.wordCharactersMax = wordCharactersMax
        self.normalizer = normalizer
        self.unknown = unknown
    }

    func append(_ text: UnsafeBufferPointer<UInt8>, afterSpecial: Bool, to tokens: inout [TokenID]) {
        guard let base = text.baseAddress else { return }
        var at = 0
        while at < text.count {
            let scalar = UTF8Bytes.scalar(base, at, text.count)
            at += scalar.length
            switch normalizer.effect(of: scalar.codePoint) {
            case .nothing:
                break
            case .space:
                finishWord(to: &tokens)
            case .letter(let codePoint):
                append(codePoint)
            case .word(let codePoint):
                finishWord(to: &tokens)
                append(codePoint)
                finishWord(to: &tokens)
            }
        }
        finishWord(to: &tokens)
    }

    private func append(_ codePoint: UInt32) {
        UTF8Bytes.append(codePoint, to: &word)
        wordCharacters += 1
    }

    private func finishWord(to tokens: inout [TokenID]) {
        guard word.count > SpaceMark.bytes.count else { return }
        let first = tokens.count
        let isShort = wordCharacters <= wordCharactersMax
        wordCharacters = 0
        let isWhole =
            isShort
            && word.withUnsafeBufferPointer { word in
                guard let base = word.baseAddress else { return true }
                var at = 0
                while at < word.count {
                    guard let match = trie.longest(base, at, word.count) else { return false }
                    tokens.append(match.token)
                    at += match.length
                }
                return true
            }
        if !isWhole {
            tokens.removeSubrange(first...)
            if let unknown { tokens.append(unknown) }
        }
        if word.count > Self.wordBytesKept {
            word = SpaceMark.bytes
        } else {
            word.removeSubrange(SpaceMark.bytes.count...)
        }
    }
}
