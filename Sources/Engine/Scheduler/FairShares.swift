/// How much each key has been given, so that the one with the least goes next (virtual token counters: Sheng et
/// al., "Fairness in Serving Large Language Models", 2024).
///
/// A key that had nothing to do gets no credit for it: it begins where the least served of the others stands.
struct FairShares {
    private struct Share {
        /// Columns that were computed for it.
        var columns = 0
        /// Its requests that have not finished.
        var requests = 0
    }

    private var shares: [String: Share] = [:]

    mutating func enter(_ key: String) {
        let least = shares.values.map(\.columns).min() ?? 0
        shares[key, default: Share(columns: least)].requests += 1
    }

    mutating func leave(_ key: String) {
        shares[key]?.requests -= 1
        if shares[key]?.requests == 0 { shares[key] = nil }
    }

    mutating func charge(_ key: String, columns: Int) { shares[key]?.columns += columns }

    /// Columns that the key has got; compares with those of others.
    func columns(_ key: String) -> Int { shares[key]?.columns ?? 0 }

    var isEmpty: Bool { shares.isEmpty }
}
