/// What two neighbouring symbols become, and how early: open addressing over (left, right).
struct PairTable: Sendable {
    /// No rule for this pair.
    static let noRank = UInt32.max

    struct Rule: BitwiseCopyable {
        /// Lower ranks merge first.
        var rank: UInt32
        var merged: UInt32
    }

    private let hash: ByteHash
    private struct Slot: BitwiseCopyable {
        /// left << 32 | right; `empty` where there is none.
        var key: UInt64
        var rule: Rule
    }

    /// At most half of the slots are full.
    private let slots: ConstantTable<Slot>
    private let mask: Int
    private static let empty = UInt64.max

    /// - Parameter pairs: (left << 32 | right, merged) in the order of their ranks; of equal pairs the first
    ///   counts.
    init(_ pairs: [(key: UInt64, rule: Rule)]) {
        let hash = ByteHash()
        var capacity = 16
        while capacity < 2 * pairs.count { capacity *= 2 }
        var slots = [Slot](
            repeating: Slot(key: Self.empty, rule: Rule(rank: Self.noRank, merged: 0)), count: capacity)
        for (key, rule) in pairs {
            var slot = Int(truncatingIfNeeded: hash(key)) & (capacity - 1)
            while slots[slot].key != Self.empty && slots[slot].key != key {
                slot = (slot + 1) & (capacity - 1)
            }
            if slots[slot].key == Self.empty { slots[slot] = Slot(key: key, rule: rule) }
        }
        self.hash = hash
        self.slots = ConstantTable(slots)
        mask = capacity - 1
    }

    /// The rule for this pair; its rank is `noRank` when there is none.
    @inline(__always)
    func rule(_ left: UInt32, _ right: UInt32) -> Rule {
        let key = UInt64(left) << 32 | UInt64(right)
        var slot = Int(truncatingIfNeeded: hash(key)) & mask
        while true {
            let found = slots.base[slot]
            // An empty slot has the rule that there is none.
            if found.key == key || found.key == Self.empty { return found.rule }
            slot = (slot + 1) & mask
        }
    }
}
