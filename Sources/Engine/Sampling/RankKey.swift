import ModelFiles

/// A logit and its token as one number that sorts the likeliest token first, and of equally likely
/// ones the lowest: the order in which top-k, top-p and the alternatives count.
struct RankKey: Comparable {
    let bits: UInt64

    @inline(__always)
    init(logit: Float, index: Int) {
        // Adding 0 makes -0 and 0 one value. Then the bits of a float, with all bits of negative ones
        // and the sign bit of the others flipped, rise with it; the complement falls.
        let raw = (logit + 0).bitPattern
        let rising = raw & 0x8000_0000 != 0 ? ~raw : raw | 0x8000_0000
        bits = UInt64(~rising) << 32 | UInt64(UInt32(truncatingIfNeeded: index))
    }

    var index: Int { Int(UInt32(truncatingIfNeeded: bits)) }

    var logit: Float {
        let rising = ~UInt32(truncatingIfNeeded: bits >> 32)
        return Float(bitPattern: rising & 0x8000_0000 != 0 ? rising & 0x7FFF_FFFF : ~rising)
    }

    @inline(__always)
    static func < (a: RankKey, b: RankKey) -> Bool { a.bits < b.bits }
}

extension UnsafeMutableBufferPointer where Element == RankKey {
    /// Finds the shortest prefix of the sorted keys whose measures sum to at least `target`.
    ///
    /// A quickselect that reorders the keys; expected time is linear.
    ///
    /// - Returns: the prefix's last key, and the sum of the whole prefix. If even all keys fall short
    ///   of the target (by rounding), the last key of all.
    func prefixEnd(reaching target: Double, measure: (RankKey) -> Double) -> (key: RankKey, sum: Double) {
        /// Below this size, and after this many rounds, sorting is quicker or safer.
        let sortedCountMax = 32
        var roundsLeft = 64
        var low = 0
        var high = count
        var sumBelow = 0.0  // of the keys before `low`, all of which are in the prefix
        while high - low > sortedCountMax, roundsLeft > 0 {
            roundsLeft -= 1
            let middle = partition(low, high)
            var sum = sumBelow
            for i in low..<middle { sum += measure(self[i]) }
            if sum >= target {
                high = middle
            } else {
                sumBelow = sum
                low = middle
            }
        }
        self[low..<high].sort()
        for i in low..<high {
            sumBelow += measure(self[i])
            if sumBelow >= target { return (self[i], sumBelow) }
        }
        return (self[high - 1], sumBelow)
    }

    /// Moves the keys below the median of three before the others; both parts of `low ..< high` get
    /// at least one key. There are at least three keys, all different.
    ///
    /// - Returns: where the second part starts.
    private func partition(_ low: Int, _ high: Int) -> Int {
        let a = self[low]
        let b = self[low + (high - low) / 2]
        let c = self[high - 1]
        let pivot = Swift.max(Swift.min(a, b), Swift.min(Swift.max(a, b), c))
        var end = low
        for i in low..<high {
            let key = self[i]
            self[i] = self[end]
            self[end] = key
            // Without a branch: half of the comparisons would be predicted wrongly.
            end += key < pivot ? 1 : 0
        }
        return end
    }
}
