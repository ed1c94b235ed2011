import ModelFiles

/// Many texts, to find the longest one that starts at a place in time proportional to its length.
struct ByteTrie: Sendable {
    struct Match {
        var token: TokenID
        var length: Int
    }

    private static let empty = UInt64.max

    private let hash: ByteHash
    /// The first step: the node of each byte, 0 for none. Node 0 is the root.
    private let firstNodes: ConstantTable<UInt32>
    /// All further steps, open addressing, at most half full: node << 8 | byte, and the node it leads to.
    private let keys: ConstantTable<UInt64>
    private let targets: ConstantTable<UInt32>
    private let mask: Int
    /// The token whose text ends at each node; -1 for none.
    private let tokens: ConstantTable<TokenID>

    var isEmpty: Bool { tokens.count == 1 }

    /// - Parameter literals: texts and their tokens; of equal texts the first counts, empty ones do not. At
    ///   most 2^31 bytes in all.
    init(_ literals: [(text: ArraySlice<UInt8>, token: TokenID)]) {
        let hash = ByteHash()
        let bytes = literals.reduce(0) { $0 + $1.text.count }
        var capacity = 16
        while capacity < 2 * bytes { capacity *= 2 }
        var firstNodes = [UInt32](repeating: 0, count: 256)
        var keys = [UInt64](repeating: Self.empty, count: capacity)
        var targets = [UInt32](repeating: 0, count: capacity)
        var tokens: [TokenID] = [-1]
        for (text, token) in literals {
            guard let first = text.first else { continue }
            if firstNodes[Int(first)] == 0 {
                firstNodes[Int(first)] = UInt32(truncatingIfNeeded: tokens.count)
                tokens.append(-1)
            }
            var node = firstNodes[Int(first)]
            for byte in text.dropFirst() {
                let key = UInt64(node) << 8 | UInt64(byte)
                var slot = Int(truncatingIfNeeded: hash(key)) & (capacity - 1)
                while keys[slot] != Self.empty && keys[slot] != key { slot = (slot + 1) & (capacity - 1) }
                if keys[slot] == Self.empty {
                    keys[slot] = key
                    targets[slot] = UInt32(truncatingIfNeeded: tokens.count)
                    tokens.append(-1)
                }
                node = targets[slot]
            }
            if tokens[Int(node)] < 0 { tokens[Int(node)] = token }
        }
        self.hash = hash
        self.firstNodes = ConstantTable(firstNodes)
        self.keys = ConstantTable(keys)
        self.targets = ConstantTable(targets)
        mask = capacity - 1
        self.tokens = ConstantTable(tokens)
    }

    /// Whether any text starts with this byte.
    @inline(__always)
    func hasText(startingWith byte: UInt8) -> Bool { firstNodes.base[Int(byte)] != 0 }

    /// The longest text at `text[start]` that ends at or before `end`.
    func longest(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Match? {
        guard start < end else { return nil }
        var node = firstNodes.base[Int(text[start])]
        var at = start + 1
        var best: Match?
        while node != 0 {
            let token = tokens.base[Int(node)]
            if token >= 0 { best = Match(token: token, length: at - start) }
            if at >= end { break }
            node = step(node, text[at])
            at += 1
        }
        return best
    }

    @inline(__always)
    private func step(_ node: UInt32, _ byte: UInt8) -> UInt32 {
        let key = UInt64(node) << 8 | UInt64(byte)
        var slot = Int(truncatingIfNeeded: hash(key)) & mask
        while true {
            if keys.base[slot] == key { return targets.base[slot] }
            if keys.base[slot] == Self.empty { return 0 }
            slot = (slot + 1) & mask
        }
    }
}
