import ModelFiles

/// Finds the tokens that stand literally in a text.
struct LiteralMatcher: Sendable {
    struct Match {
        var start: Int
        var end: Int
        var token: TokenID
    }

    private let trie: ByteTrie

    var isEmpty: Bool { trie.isEmpty }

    init(_ literals: [(text: ArraySlice<UInt8>, token: TokenID)]) {
        trie = ByteTrie(literals)
    }

    /// The leftmost match that starts at or behind `start` and ends at or before `end`; of those the longest.
    func first(in text: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Match? {
        var at = start
        while at < end {
            if trie.hasText(startingWith: text[at]), let match = trie.longest(text, at, end) {
                return Match(start: at, end: at + match.length, token: match.token)
            }
            at += 1
        }
        return nil
    }
}
