import Glibc

/// Finds which tokens top-k, top-p and min-p leave, without sorting the vocabulary.
///
/// All three keep a prefix of the tokens in rank order (`RankKey`), so the answer is one key: the last that
/// stays. It is looked for among the tokens above a bound, which is chosen by the segments' maxima so that the
/// prefix ends among them: few tokens in few segments.
enum Truncation {
    /// The last key that may be drawn; nil when all may.
    ///
    /// In this order, each on what the one before it left: the `topK` likeliest tokens; the shortest
    /// prefix with `topP` of their probability; those with `minP` of the likeliest one's. At least
    /// one token stays.
    static func cut(_ tempered: TemperedRow, _ parameters: SamplingParameters) -> RankKey? {
        var cut: RankKey?
        if 1..<tempered.row.count ~= parameters.topK {
            cut = likeliest(tempered, parameters.topK, topP: parameters.topP)
        } else if parameters.topP < 1 {
            cut = nucleus(tempered, parameters.topP)
        }
        if parameters.minP > 0 {
            let least = tempered.maximum + log(parameters.minP) / tempered.scale
            let last = RankKey(logit: min(least, tempered.maximum), index: Int(UInt32.max))
            cut = cut.map { min($0, last) } ?? last
        }
        return cut
    }

    /// Whether a cut, or a draw without one, needs the sum of all weights.
    static func needsTotal(_ parameters: SamplingParameters, vocabularyCount: Int) -> Bool {
        if 1..<vocabularyCount ~= parameters.topK { return false }
        return parameters.topP < 1 || parameters.minP <= 0
    }

    private static func likeliest(_ tempered: TemperedRow, _ count: Int, topP: Float) -> RankKey {
        let keys = RankKey.likeliest(count, of: tempered.row, scratch: tempered.scratch)
        guard topP < 1 else { return keys[count - 1] }
        // The prefix stands first in `keys`; the tokens at or above its last one's logit are weighed.
        noteWeights(tempered, tempered.select(least: keys[count - 1].logit))
        let weights = tempered.scratch.weightOfToken
        let prefix = UnsafeMutableBufferPointer(rebasing: keys[..<count])
        let mass = prefix.reduce(0.0) { $0 + Double(weights[$1.index]) }
        return prefix.prefixEnd(reaching: Double(topP) * mass) { Double(weights[$0.index]) }
    }

    /// Looks deeper below the maximum until the tokens there have the wanted part of the probability.
    private static func nucleus(_ tempered: TemperedRow, _ topP: Float) -> RankKey {
        let target = Double(topP) * tempered.weighSegments()
        // Tokens deeper than 87 weigh nothing.
        var depth: Float = 3
        var count = 0
        repeat {
            let least = depth > 87 ? -.infinity : tempered.maximum - depth / tempered.scale
            count = tempered.select(least: least)
            if depth > 87 { break }
            depth *= 1.5
        } while tempered.sum(count) < target
        noteWeights(tempered, count)
        let weights = tempered.scratch.weightOfToken
        let keys = RankKey.ofSelected(count, tempered.row, tempered.scratch)
        return keys.prefixEnd(reaching: target) { Double(weights[$0.index]) }
    }

    private static func noteWeights(_ tempered: TemperedRow, _ count: Int) {
        let scratch = tempered.scratch
        for place in 0..<count { scratch.weightOfToken[Int(scratch.tokens[place])] = scratch.weights[place] }
    }
}
