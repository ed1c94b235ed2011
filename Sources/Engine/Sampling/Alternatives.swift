import ModelFiles

/// The likeliest tokens of a row, best first.
enum Alternatives {
    /// - Parameters:
    ///   - count: how many; less when the vocabulary has less.
    ///   - keys: scratch room for as many keys as the row has chunks or `count` is.
    static func likeliest(_ count: Int, of scan: LogitsScan, keys: UnsafeMutablePointer<RankKey>) -> [RankKey]
    {
        let wanted = min(count, scan.count)
        guard wanted > 0 else { return [] }
        var bound = scan.lowerBound(ofLargest: wanted, keys: keys)
        // keys[..<found] is sorted: a few entries, into which a better token is inserted.
        var found = 0
        for chunk in 0..<scan.chunkCount where scan.chunkMaxima[chunk] >= bound {
            for token in scan.range(chunk) where scan.logits[token] >= bound {
                let key = RankKey(logit: scan.logits[token], index: token)
                if found == wanted {
                    guard key < keys[found &- 1] else { continue }
                    found &-= 1
                }
                var place = found
                while place > 0, key < keys[place &- 1] {
                    keys[place] = keys[place &- 1]
                    place &-= 1
                }
                keys[place] = key
                found &+= 1
                if found == wanted { bound = max(bound, keys[found &- 1].logit) }
            }
        }
        return Array(UnsafeBufferPointer(start: keys, count: found))
    }
}
