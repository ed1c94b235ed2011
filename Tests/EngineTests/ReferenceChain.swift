import Glibc
import ModelFiles

@testable import Engine

/// The rarer samplers, plainly: lists in double precision, sorted and cut.
struct ReferenceChain {
    var tokens: [Int]
    var logits: [Double]
    /// Added to every limit that a sum is compared with: what rounding may decide, two slacks decide differently.
    var slack = 0.0

    init(_ row: [Float], allowed: [TokenID]? = nil, slack: Double = 0) {
        tokens = row.indices.filter { row[$0] > -.infinity && (allowed?.contains(TokenID($0)) ?? true) }
        logits = tokens.map { Double(row[$0]) }
        self.slack = slack
    }

    var probabilities: [Double] {
        let maximum = logits.max() ?? 0
        let weights = logits.map { exp($0 - maximum) }
        let total = weights.reduce(0, +)
        return weights.map { $0 / total }
    }

    var entropy: Double { probabilities.reduce(0) { $0 - ($1 > 0 ? $1 * log($1) : 0) } }

    /// Places, likeliest first.
    var ranked: [Int] {
        tokens.indices.sorted { logits[$0] == logits[$1] ? $0 < $1 : logits[$0] > logits[$1] }
    }

    mutating func keep(_ places: some Swift.Sequence<Int>) {
        let kept = Set(places)
        let stays = tokens.indices.filter { kept.contains($0) }
        (tokens, logits) = (stays.map { tokens[$0] }, stays.map { logits[$0] })
    }

    /// The shortest prefix of an order whose probabilities sum to p, and at least so many.
    mutating func keepMass(_ order: [Int], _ p: Double, _ keptMin: Int) {
        let probabilities = probabilities
        var sum = 0.0
        var count = 0
        for place in order {
            count += 1
            sum += probabilities[place]
            if sum >= p + slack, count >= keptMin { break }
        }
        keep(order.prefix(count))
    }

    mutating func apply(_ stage: SamplerStage, _ parameters: SamplingParameters, exclusion: Double) {
        let keptMin = max(1, parameters.keptMin)
        let probabilities = probabilities
        switch stage {
        case .penalties, .dry: break
        case .temperature:
            var temperature = Double(parameters.temperature)
            if parameters.dynamicRange > 0, tokens.count > 1 {
                let (low, high) = (
                    max(0, temperature - Double(parameters.dynamicRange)),
                    temperature + Double(parameters.dynamicRange)
                )
                temperature =
                    low + (high - low)
                    * pow(entropy / log(Double(tokens.count)), Double(parameters.dynamicExponent))
            }
            if temperature <= 0 { return keep(ranked.prefix(1)) }
            let maximum = logits.max() ?? 0
            logits = logits.map { ($0 - maximum) / temperature }
        case .topNSigma:
            guard parameters.topNSigma > 0, tokens.count > 1 else { return }
            let mean = logits.reduce(0, +) / Double(logits.count)
            let variance = logits.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(logits.count)
            let least =
                (logits.max() ?? 0) - (Double(parameters.topNSigma) - slack) * variance.squareRoot()
            keep(tokens.indices.filter { logits[$0] >= least || logits[$0] == logits.max() })
        case .topK:
            if parameters.topK > 0 { keep(ranked.prefix(parameters.topK)) }
        case .typicalP:
            guard parameters.typicalP < 1 else { return }
            let entropy = entropy
            // Single precision decides between equals.
            let scores = probabilities.map { Float(abs(-log($0) - entropy)) }
            let order = tokens.indices.sorted { scores[$0] == scores[$1] ? $0 < $1 : scores[$0] < scores[$1] }
            keepMass(order, Double(parameters.typicalP), keptMin)
        case .topP:
            if parameters.topP < 1 { keepMass(ranked, Double(parameters.topP), keptMin) }
        case .minP:
            guard parameters.minP > 0 else { return }
            let least = (probabilities.max() ?? 0) * (Double(parameters.minP) + slack)
            let likely = ranked.prefix { probabilities[$0] >= least }
            keep(ranked.prefix(max(likely.count, keptMin, 1)))
        case .xtc:
            guard parameters.xtcThreshold <= 0.5, exclusion < Double(parameters.xtcProbability) else {
                return
            }
            let top = ranked.prefix { probabilities[$0] >= Double(parameters.xtcThreshold) + slack }
            guard top.count > 1, tokens.count - top.count + 1 >= keptMin else { return }
            keep(ranked.dropFirst(top.count - 1))
        }
    }

    /// [token: probability]
    static func distribution(
        _ row: [Float], _ parameters: SamplingParameters, exclusion: Double, slack: Double
    ) -> [Int: Double] {
        var chain = ReferenceChain(row, allowed: parameters.allowedTokens, slack: slack)
        for stage in parameters.order ?? SamplerStage.usualOrder {
            chain.apply(stage, parameters, exclusion: exclusion)
        }
        return Dictionary(uniqueKeysWithValues: zip(chain.tokens, chain.probabilities))
    }
}
