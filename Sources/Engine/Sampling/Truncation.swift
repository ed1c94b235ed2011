import Glibc

/// Finds which tokens top-k, top-p and min-p leave, without sorting the vocabulary.
///
/// All three keep a prefix of the tokens in rank order (`RankKey`), so the answer is one key: the
/// last that stays. Tokens are counted in buckets of 1/32 of tempered logit below the maximum; only
/// the bucket in which a prefix ends is looked at closely. Chunks whose maximum shows that the
/// prefix ends before them are skipped.
struct Truncation {
    /// Buckets per unit of (maximum - logit) / temperature; the last bucket takes the rest.
    private static let bucketsPerUnit: Float = 32

    private let row: TemperedWeights
    private let scratch: SamplerScratch
    /// Logits below this one are outside in any case.
    private let lowerBound: Float
    /// Buckets per unit of logit.
    private let scale: Float

    private var scan: LogitsScan { row.scan }

    private init(row: TemperedWeights, scratch: SamplerScratch, lowerBound: Float) {
        self.row = row
        self.scratch = scratch
        self.lowerBound = lowerBound
        scale = min(row.inverseTemperature * Self.bucketsPerUnit, Float.greatestFiniteMagnitude)
    }

    /// The last key that may be drawn; nil when all may.
    ///
    /// In this order, each on what the one before it left: the `topK` likeliest tokens; the shortest
    /// prefix with `topP` of their probability; those with `minP` of the likeliest one's. At least
    /// one token stays.
    static func cut(
        _ row: TemperedWeights, _ parameters: SamplingParameters, scratch: SamplerScratch
    ) -> RankKey? {
        let usesK = 1..<row.scan.count ~= parameters.topK
        var cut: RankKey?
        if usesK || parameters.topP < 1 {
            let lowerBound =
                usesK
                ? row.scan.lowerBound(ofLargest: parameters.topK, keys: scratch.keys)
                : nucleusLowerBound(row, topP: parameters.topP)
            let truncation = Truncation(row: row, scratch: scratch, lowerBound: lowerBound)
            cut = truncation.cut(topK: usesK ? parameters.topK : nil, topP: parameters.topP)
        }
        if parameters.minP > 0 {
            let least = row.scan.maximum + log(parameters.minP) / row.inverseTemperature
            let last = RankKey(logit: min(least, row.scan.maximum), index: Int(UInt32.max))
            cut = cut.map { min($0, last) } ?? last
        }
        return cut
    }

    /// All tokens below (1 - topP) · total / count weigh less than 1 - topP together, so the shortest
    /// prefix with topP ends before them. Half of that leaves room for rounding.
    private static func nucleusLowerBound(_ row: TemperedWeights, topP: Float) -> Float {
        let weight = (1 - Double(topP)) * row.total / Double(row.scan.count) / 2
        return row.scan.maximum + Float(log(weight)) / row.inverseTemperature
    }

    private func cut(topK: Int?, topP: Float) -> RankKey? {
        countBuckets()
        var cut: RankKey?
        var mass = row.total
        if let topK, let end = prefixEnd(reaching: Double(topK), byMass: false) {
            cut = end.key
            mass = end.mass
        }
        if topP < 1, let end = prefixEnd(reaching: Double(topP) * mass, byMass: true) {
            cut = cut.map { min($0, end.key) } ?? end.key
        }
        return cut
    }

    @inline(__always)
    private func buckets(_ logits: Lanes) -> SIMD8<UInt32> {
        let last = Lanes(repeating: Float(SamplerScratch.bucketCount - 1))
        let steps = (scan.maximum - logits) * scale
        // Adding 2^23 rounds to an integer and leaves it in the low bits.
        let rounded = steps.replacing(with: last, where: steps .> last) + 0x1p23
        return unsafeBitCast(rounded, to: SIMD8<UInt32>.self) & 0x007F_FFFF
    }

    /// Calls `body` with the first token and the buckets of eight tokens, or less at the row's end,
    /// for all that hold a logit above the lower bound: tokens below it may be among them.
    @inline(__always)
    private func forEachGroup(_ body: (_ token: Int, _ buckets: SIMD8<UInt32>, _ count: Int) -> Void) {
        let bound = Lanes(repeating: lowerBound)
        for chunk in 0..<scan.chunkCount where scan.chunkMaxima[chunk] >= lowerBound {
            let range = scan.range(chunk)
            var token = range.lowerBound
            while token &+ 8 <= range.upperBound {
                let logits = Lanes.load(scan.logits, token)
                if any(logits .>= bound) { body(token, buckets(logits), 8) }
                token &+= 8
            }
            if token < range.upperBound {
                var logits = Lanes(repeating: -.infinity)
                for lane in 0..<range.upperBound &- token { logits[lane] = scan.logits[token &+ lane] }
                body(token, buckets(logits), range.upperBound &- token)
            }
        }
    }

    private func countBuckets() {
        let counts = scratch.bucketCounts
        let masses = scratch.bucketMasses
        let weights = row.weights
        counts.update(repeating: 0, count: SamplerScratch.bucketCount)
        masses.update(repeating: 0, count: SamplerScratch.bucketCount)
        forEachGroup { token, buckets, count in
            for lane in 0..<count {
                let bucket = Int(truncatingIfNeeded: buckets[lane])
                counts[bucket] &+= 1
                masses[bucket] += Double(weights[token &+ lane])
            }
        }
    }

    /// The end of the shortest prefix with at least so many tokens, or so much mass, and its mass.
    private func prefixEnd(reaching target: Double, byMass: Bool) -> (key: RankKey, mass: Double)? {
        var count = 0.0
        var mass = 0.0
        for bucket in 0..<SamplerScratch.bucketCount where scratch.bucketCounts[bucket] > 0 {
            let bucketCount = Double(scratch.bucketCounts[bucket])
            let bucketMass = scratch.bucketMasses[bucket]
            if (byMass ? mass + bucketMass : count + bucketCount) >= target {
                let keys = keys(in: bucket)
                let weights = row.weights
                let end =
                    byMass
                    ? keys.prefixEnd(reaching: target - mass) { Double(weights[$0.index]) }
                    : keys.prefixEnd(reaching: target - count) { _ in 1 }
                for key in keys where key <= end.key { mass += Double(weights[key.index]) }
                return (end.key, mass)
            }
            count += bucketCount
            mass += bucketMass
        }
        return nil
    }

    /// The keys of all tokens in one bucket, in scratch memory.
    private func keys(in bucket: Int) -> UnsafeMutableBufferPointer<RankKey> {
        let keys = scratch.keys
        let logits = scan.logits
        let wanted = SIMD8<UInt32>(repeating: UInt32(bucket))
        var found = 0
        forEachGroup { token, buckets, count in
            guard any(buckets .== wanted) else { return }
            for lane in 0..<count where buckets[lane] == wanted[lane] {
                keys[found] = RankKey(logit: logits[token &+ lane], index: token &+ lane)
                found &+= 1
            }
        }
        return UnsafeMutableBufferPointer(start: keys, count: found)
    }
}
