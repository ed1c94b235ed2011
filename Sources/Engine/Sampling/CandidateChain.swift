import Glibc
import ModelFiles
import Models

/// Draws by the rarer samplers, in any order, from all tokens that have a probability.
///
/// A list of candidates in the order of their tokens goes through the stages; each changes logits or drops
/// candidates, and at least one stays. It reads whole rows, and so costs some microseconds for every thousand
/// tokens; requests without such a sampler never come here (`SamplingParameters.usesChain`).
final class CandidateChain {
    private let row: LogitRow
    private let scratch: SamplerScratch
    /// Candidates are the first `count` of `scratch.tokens`, with their logits in `scratch.logits`.
    private(set) var count = 0
    /// Weights are valid when set: e^(logit - maximum), by place.
    private var isWeighed = false
    private var total = 0.0
    private var maximum: Float = -.infinity

    /// - Parameter allowed: the tokens that may be drawn, rising; nil is all.
    init(_ row: LogitRow, allowed: [TokenID]?, scratch: SamplerScratch) throws(SamplingError) {
        self.row = row
        self.scratch = scratch
        let (tokens, logits) = (scratch.tokens, scratch.logits)
        var found = 0
        func add(_ token: Int) {
            let logit = row.values[token]
            tokens[found] = UInt32(truncatingIfNeeded: token)
            logits[found] = logit
            // Without a branch: nearly all tokens have a probability.
            found += logit > -.infinity ? 1 : 0
        }
        if let allowed {
            for token in allowed where 0..<row.count ~= Int(token) { add(Int(token)) }
        } else {
            for token in 0..<row.count { add(token) }
        }
        count = found
        guard count > 0 else { throw .nothingAllowed }
    }

    /// Takes the candidates through the stages of a request that come after the leading changes of logits.
    func run(
        _ parameters: SamplingParameters, changes: LogitChanges, history: TokenHistory, exclusion: Double
    ) {
        guard !parameters.isGreedy else { return keepLikeliest() }
        let order = parameters.order ?? SamplerStage.usualOrder
        for stage in order.dropFirst(parameters.leadingChanges.count) {
            if parameters.mirostat != nil, stage.isReplacedByMirostat { continue }
            apply(stage, parameters, changes: changes, history: history, exclusion: exclusion)
        }
    }

    private func apply(
        _ stage: SamplerStage, _ parameters: SamplingParameters, changes: LogitChanges, history: TokenHistory,
        exclusion: Double
    ) {
        let keptMin = max(1, parameters.keptMin)
        switch stage {
        case .penalties, .dry:
            changes.apply(stage, parameters, history, tokens: scratch.tokens, logits: scratch.logits, count)
            isWeighed = false
        case .temperature: temper(parameters)
        case .topNSigma: keepWithinDeviations(parameters.topNSigma)
        case .topK: keepLikeliest(parameters.topK)
        case .typicalP: keepTypical(parameters.typicalP, keptMin)
        case .topP: keepNucleus(parameters.topP, keptMin)
        case .minP: keepLikely(parameters.minP, keptMin)
        case .xtc: excludeTop(parameters, chance: exclusion, keptMin)
        }
    }

    // MARK: - Draws

    /// The place at which the running sum of the weights passes `uniform` of it all.
    func draw(uniform: Double) -> Int {
        weigh()
        var target = uniform * total
        var last = 0
        for place in 0..<count where scratch.weights[place] > 0 {
            last = place
            target -= Double(scratch.weights[place])
            if target < 0 { break }
        }
        return last
    }

    func token(_ place: Int) -> Int { Int(scratch.tokens[place]) }

    /// Natural logarithm.
    func logprob(_ place: Int) -> Double {
        weigh()
        return Double(scratch.logits[place]) - Double(maximum) - log(total)
    }

    /// Places of the likeliest candidates, best first.
    func likeliest(_ wanted: Int) -> [Int] {
        guard wanted > 0 else { return [] }
        let keys = rankedPrefix(reaching: Double(min(wanted, count))) { _ in 1 }
        return keys.sorted().map(\.index)
    }

    /// Drops the candidates whose surprise is more than mirostat's, or too many by its estimate.
    func truncate(_ mirostat: SamplingParameters.Mirostat, surpriseMax: Double, vocabularyCount: Int) {
        weigh()
        if mirostat.version == 1 {
            keepLikeliest(mirostatCount(surpriseMax, vocabularyCount))
        } else {
            let least = total * exp2(-surpriseMax)
            guard (0..<count).contains(where: { Double(scratch.weights[$0]) >= least }) else {
                return keepLikeliest()
            }
            keep { Double(scratch.weights[$0]) >= least }
        }
    }

    /// Algorithm 1 of arXiv:2007.14966: a Zipf exponent from the likeliest hundred, and how many tokens have less
    /// than the largest surprise by it.
    private func mirostatCount(_ surpriseMax: Double, _ vocabularyCount: Int) -> Int {
        let ranked = likeliest(100).map { Double(scratch.logits[$0]) }
        guard ranked.count > 1 else { return 1 }
        var (products, squares) = (0.0, 0.0)
        for rank in 1..<ranked.count {
            let distance = log(Double(rank + 1) / Double(rank))
            products += distance * (ranked[rank - 1] - ranked[rank])
            squares += distance * distance
        }
        let exponent = products / squares
        let excess = exponent - 1
        let kept = pow(
            excess * exp2(surpriseMax) / (1 - pow(Double(vocabularyCount), -excess)), 1 / exponent)
        return kept.isFinite ? Int(min(max(kept, 1), Double(count))) : count
    }
}

// MARK: - Stages

extension CandidateChain {
    private func temper(_ parameters: SamplingParameters) {
        var temperature = Double(parameters.temperature)
        if parameters.dynamicRange > 0, count > 1 {
            let range = Double(parameters.dynamicRange)
            let low = max(0, temperature - range)
            let share = min(1, max(0, entropy() / log(Double(count))))
            temperature = low + (temperature + range - low) * pow(share, Double(parameters.dynamicExponent))
        }
        guard temperature > 0 else { return keepLikeliest() }
        weigh()
        let scale = LogitRow.scale(temperature: Float(temperature))
        guard scale != 1 else { return }
        // Relative to the largest, so that no product overflows upwards.
        for place in 0..<count { scratch.logits[place] = (scratch.logits[place] - maximum) * scale }
        isWeighed = false
        keep { scratch.logits[$0] > -.infinity }
    }

    private func keepWithinDeviations(_ sigma: Float) {
        guard sigma > 0, count > 1 else { return }
        weigh()
        var (sum, squares) = (0.0, 0.0)
        for place in 0..<count { sum += Double(scratch.logits[place]) }
        let mean = sum / Double(count)
        for place in 0..<count {
            let distance = Double(scratch.logits[place]) - mean
            squares += distance * distance
        }
        let least = Double(maximum) - Double(sigma) * (squares / Double(count)).squareRoot()
        keep { Double(scratch.logits[$0]) >= least }
    }

    /// The first of the likeliest.
    private func keepLikeliest() {
        weigh()
        var isFound = false
        keep {
            guard !isFound, scratch.logits[$0] == maximum else { return false }
            isFound = true
            return true
        }
    }

    private func keepLikeliest(_ k: Int) {
        guard 1..<count ~= k else { return }
        keep(rankedPrefix(reaching: Double(k)) { _ in 1 })
    }

    private func keepNucleus(_ p: Float, _ keptMin: Int) {
        guard p < 1 else { return }
        weigh()
        keep(rankedPrefix(reaching: Double(p) * total, keptMin) { Double(scratch.weights[$0.index]) })
    }

    private func keepLikely(_ p: Float, _ keptMin: Int) {
        guard p > 0 else { return }
        weigh()
        let kept = (0..<count).count { scratch.weights[$0] >= p }
        guard kept >= keptMin else { return keepLikeliest(keptMin) }
        keep { scratch.weights[$0] >= p }
    }

    private func keepTypical(_ p: Float, _ keptMin: Int) {
        guard p < 1 else { return }
        let entropy = entropy()
        let logTotal = log(total)
        for place in 0..<count {
            let surprise = logTotal - Double(scratch.logits[place] - maximum)
            scratch.keys[place] = RankKey(logit: -Float(abs(surprise - entropy)), index: place)
        }
        keep(prefix(reaching: Double(p) * total, keptMin) { Double(scratch.weights[$0.index]) })
    }

    /// Exclude Top Choices: https://github.com/oobabooga/text-generation-webui/pull/6335
    private func excludeTop(_ parameters: SamplingParameters, chance: Double, _ keptMin: Int) {
        guard chance < Double(parameters.xtcProbability), parameters.xtcThreshold <= 0.5 else { return }
        weigh()
        let least = Double(parameters.xtcThreshold) * total
        var last: RankKey?
        var found = 0
        for place in 0..<count where Double(scratch.weights[place]) >= least {
            found += 1
            let key = RankKey(logit: scratch.logits[place], index: place)
            last = last.map { max($0, key) } ?? key
        }
        guard let last, found > 1, count - (found - 1) >= keptMin else { return }
        keep { !(RankKey(logit: scratch.logits[$0], index: $0) < last) }
    }
}

// MARK: - Lists

extension CandidateChain {
    private func weigh() {
        guard !isWeighed else { return }
        let (count, logits, weights) = (count, scratch.logits, scratch.weights)
        var most = -Float.infinity
        for place in 0..<count { most = max(most, logits[place]) }
        row.weigh(logits, count, maximum: most, scale: 1, weights: weights)
        var sum = 0.0
        for place in 0..<count { sum += Double(weights[place]) }
        (maximum, total, isWeighed) = (most, sum, true)
    }

    /// Of the candidates' distribution, in nats.
    private func entropy() -> Double {
        weigh()
        var sum = 0.0
        for place in 0..<count where scratch.weights[place] > 0 {
            sum += Double(scratch.weights[place]) * Double(scratch.logits[place] - maximum)
        }
        return log(total) - sum / total
    }

    private func keep(_ stays: (Int) -> Bool) {
        let (tokens, logits) = (scratch.tokens, scratch.logits)
        var kept = 0
        for place in 0..<count where stays(place) {
            tokens[kept] = tokens[place]
            logits[kept] = logits[place]
            kept += 1
        }
        count = kept
        isWeighed = false
    }

    private func keep(_ keys: UnsafeMutableBufferPointer<RankKey>) {
        // The memory may hold anything.
        let marks = scratch.weightOfToken
        for place in 0..<count { marks[place] = 0 }
        for key in keys { marks[key.index] = 1 }
        keep { marks[$0] == 1 }
    }

    /// The shortest prefix of the candidates in rank order whose measures sum to at least `target`, in any order.
    private func rankedPrefix(
        reaching target: Double, _ keptMin: Int = 1, measure: (RankKey) -> Double
    ) -> UnsafeMutableBufferPointer<RankKey> {
        for place in 0..<count {
            scratch.keys[place] = RankKey(logit: scratch.logits[place], index: place)
        }
        return prefix(reaching: target, keptMin, measure: measure)
    }

    /// The same in the order of the keys that stand in the scratch memory.
    private func prefix(
        reaching target: Double, _ keptMin: Int, measure: (RankKey) -> Double
    ) -> UnsafeMutableBufferPointer<RankKey> {
        let keys = UnsafeMutableBufferPointer(start: scratch.keys, count: count)
        var last = keys.prefixEnd(reaching: target, measure: measure)
        if keptMin > 1 {
            last = max(last, keys.prefixEnd(reaching: Double(min(keptMin, count))) { _ in 1 })
        }
        let end = keys.partitionPoint(after: last)
        return UnsafeMutableBufferPointer(rebasing: keys[..<end])
    }
}

extension UnsafeMutableBufferPointer where Element == RankKey {
    /// Moves the keys up to `last` before the others, and says how many they are.
    fileprivate func partitionPoint(after last: RankKey) -> Int {
        var end = 0
        for index in indices where !(last < self[index]) {
            swapAt(end, index)
            end += 1
        }
        return end
    }
}

extension SamplerStage {
    /// Mirostat truncates by its own rule.
    fileprivate var isReplacedByMirostat: Bool {
        switch self {
        case .penalties, .dry, .temperature: false
        case .topNSigma, .topK, .typicalP, .topP, .minP, .xtc: true
        }
    }
}
