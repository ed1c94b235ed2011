import ModelFiles

/// Finds the longest of many literals at a place, in one walk over a trie.
struct LiteralMatcher: Sendable {
    struct Match {
        var start: Int
        var end: Int
        var token: TokenID
    }

    /// Node 0 is the root. The first step is a plain table, the others one hash table: key node << 8 | byte.
    private let firstNodes: [UInt32]
    private let edges: [UInt64: UInt32]
    /// The token whose text ends at each node; -1 for none.
    private let tokens: [TokenID]

    var isEmpty: Bool { tokens.count == 1 }

    /// - Parameter literals: texts and their tokens; of equal texts the first counts, empty ones do not.
    init(_ literals: [(text: ArraySlice<UInt8>, token: TokenID)]) {
        var firstNodes = [UInt32](repeating: 0, count: 256)
        var edges: [UInt64: UInt32] = [:]
        var tokens: [TokenID] = [-1]
        for (text, token) in literals {
            var node: UInt32 = 0
            for byte in text {
                let known = node == 0 ? firstNodes[Int(byte)] : edges[Self.key(node, byte)] ?? 0
                if known != 0 {
                    node = known
                    continue
                }
                let new = UInt32(truncatingIfNeeded: tokens.count)
                tokens.append(-1)
                if node == 0 { firstNodes[Int(byte)] = new } else { edges[Self.key(node, byte)] = new }
                node = new
            }
            if node != 0 && tokens[Int(node)] < 0 { tokens[Int(node)] = token }
        }
        self.firstNodes = firstNodes
        self.edges = edges
        self.tokens = tokens
    }

    /// The leftmost match that starts at or behind `start` and ends at or before `end`; of those the longest.
    func first(in text: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Match? {
        firstNodes.withUnsafeBufferPointer { firstNodes in
            for at in start..<max(end, start) {
                let node = firstNodes[Int(text[at])]
                if node != 0, let match = longest(text, at, end, node) { return match }
            }
            return nil
        }
    }

    private func longest(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int, _ first: UInt32) -> Match? {
        var node = first
        var at = start + 1
        var best: Match?
        while true {
            if tokens[Int(node)] >= 0 { best = Match(start: start, end: at, token: tokens[Int(node)]) }
            guard at < end, let next = edges[Self.key(node, text[at])] else { return best }
            node = next
            at += 1
        }
    }

    private static func key(_ node: UInt32, _ byte: UInt8) -> UInt64 {
        UInt64(node) << 8 | UInt64(byte)
    }
}
