/// What two neighbouring symbols become, and how early: open addressing over (left, right).
struct PairTable: Sendable {
    /// No rule for this pair.
    static let noRank = UInt32.max

    struct Rule {
        /// Lower ranks merge first.
        var rank: UInt32
        var merged: UInt32
    }

    private let hash: ByteHash
    /// left << 32 | right; `empty` where there is none. At most half of the slots are full.
    private let keys: ConstantTable<UInt64>
    /// rank << 32 | merged
    private let rules: ConstantTable<UInt64>
    private let mask: Int
    private static let empty = UInt64.max

    /// - Parameter pairs: (left << 32 | right, merged) in the order of their ranks; of equal pairs the first counts.
    init(_ pairs: [(key: UInt64, rule: Rule)]) {
        let hash = ByteHash()
        var capacity = 16
        while capacity < 2 * pairs.count { capacity *= 2 }
        var keys = [UInt64](repeating: Self.empty, count: capacity)
        var rules = [UInt64](repeating: 0, count: capacity)
        for (key, rule) in pairs {
            var slot = Int(truncatingIfNeeded: hash(key)) & (capacity - 1)
            while keys[slot] != Self.empty && keys[slot] != key { slot = (slot + 1) & (capacity - 1) }
            if keys[slot] == key { continue }
            keys[slot] = key
            rules[slot] = UInt64(rule.rank) << 32 | UInt64(rule.merged)
        }
        self.hash = hash
        self.keys = ConstantTable(keys)
        self.rules = ConstantTable(rules)
        mask = capacity - 1
    }

    /// The rule for this pair; its rank is `noRank` when there is none.
    @inline(__always)
    func rule(_ left: UInt32, _ right: UInt32) -> Rule {
        let key = UInt64(left) << 32 | UInt64(right)
        var slot = Int(truncatingIfNeeded: hash(key)) & mask
        while true {
            let found = keys.base[slot]
            if found == key {
                let rule = rules.base[slot]
                return Rule(rank: UInt32(rule >> 32), merged: UInt32(truncatingIfNeeded: rule))
            }
            if found == Self.empty { return Rule(rank: Self.noRank, merged: 0) }
            slot = (slot + 1) & mask
        }
    }
}
