import Models

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

extension RankKey {
    /// The keys of a row's likeliest tokens: the last of them stands at `count - 1`, the others before it in
    /// any order, keys of less likely tokens behind it.
    ///
    /// - Parameter count: 1 ... the row's.
    /// - Returns: at least `count` keys, in scratch memory.
    static func likeliest(
        _ count: Int, of row: LogitRow, scratch: SamplerScratch
    ) -> UnsafeMutableBufferPointer<RankKey> {
        let least = lowerBound(ofLargest: count, row, scratch)
        let found = row.select(least: least, tokens: scratch.tokens)
        let keys = ofSelected(found, row, scratch)
        _ = keys.prefixEnd(reaching: Double(count)) { _ in 1 }
        return keys
    }

    /// The keys of the first selected tokens, in scratch memory.
    static func ofSelected(
        _ count: Int, _ row: LogitRow, _ scratch: SamplerScratch
    ) -> UnsafeMutableBufferPointer<RankKey> {
        for place in 0..<count {
            let token = Int(scratch.tokens[place])
            scratch.keys[place] = RankKey(logit: row.values[token], index: token)
        }
        return UnsafeMutableBufferPointer(start: scratch.keys, count: count)
    }

    /// A lower bound of the k-th largest logit, the k-th largest maximum of a segment: -infinity when there are
    /// fewer segments than k.
    private static func lowerBound(ofLargest k: Int, _ row: LogitRow, _ scratch: SamplerScratch) -> Float {
        guard k <= row.segmentCount else { return -.infinity }
        for segment in 0..<row.segmentCount {
            scratch.keys[segment] = RankKey(logit: row.maxima[segment], index: segment)
        }
        let keys = UnsafeMutableBufferPointer(start: scratch.keys, count: row.segmentCount)
        return keys.prefixEnd(reaching: Double(k)) { _ in 1 }.logit
    }
}

extension UnsafeMutableBufferPointer where Element == RankKey {
    /// Finds the shortest prefix of the sorted keys whose measures sum to at least `target`.
    ///
    /// A quickselect that reorders the keys; expected time is linear.
    ///
    /// - Returns: the prefix's last key; the others of the prefix stand before it. If even all keys fall
    ///   short of the target (by rounding), the last key of all.
    func prefixEnd(reaching target: Double, measure: (RankKey) -> Double) -> RankKey {
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
            if sumBelow >= target { return self[i] }
        }
        return self[high - 1]
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
