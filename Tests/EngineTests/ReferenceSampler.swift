import Glibc

@testable import Engine

/// The sampler's rules, plainly: sort, then cut.
enum ReferenceSampler {
    /// Tokens, likeliest first, the lowest first of equals.
    static func ranked(_ row: [Float]) -> [Int] {
        row.indices.sorted { row[$0] == row[$1] ? $0 < $1 : row[$0] > row[$1] }
    }

    static func weights(_ row: [Float], _ parameters: SamplingParameters) -> [Double] {
        let maximum = Double(row.max() ?? 0)
        return row.map { exp((Double($0) - maximum) / Double(parameters.temperature)) }
    }

    /// How many of the ranked tokens may stay: more than one answer only where a sum is so close to
    /// its limit that rounding decides.
    static func keptCounts(_ row: [Float], _ parameters: SamplingParameters) -> ClosedRange<Int> {
        let tolerance = 2e-6
        let weights = weights(row, parameters)
        let ranked = ranked(row).map { weights[$0] }
        let k = parameters.topK > 0 ? min(parameters.topK, row.count) : row.count
        let mass = ranked[..<k].reduce(0, +)
        func nucleus(_ target: Double) -> Int {
            guard parameters.topP < 1 else { return k }
            var sum = 0.0
            for (index, weight) in ranked[..<k].enumerated() {
                sum += weight
                if sum >= target { return index + 1 }
            }
            return k
        }
        func likely(_ minP: Double) -> Int {
            parameters.minP > 0 ? max(1, ranked.count { $0 >= minP }) : k
        }
        let target = Double(parameters.topP) * mass
        let minP = Double(parameters.minP)
        let low = min(nucleus(target - tolerance * mass), likely(minP * (1 + 1e-5)))
        let high = min(nucleus(target + tolerance * mass), likely(minP * (1 - 1e-5)))
        return low...max(low, min(k, high))
    }

    /// [token]
    static func probabilities(_ row: [Float], _ parameters: SamplingParameters) -> [Double] {
        let weights = weights(row, parameters)
        let kept = ranked(row)[..<keptCounts(row, parameters).lowerBound]
        let total = kept.reduce(0) { $0 + weights[$1] }
        var probabilities = [Double](repeating: 0, count: row.count)
        for token in kept { probabilities[token] = weights[token] / total }
        return probabilities
    }
}

/// Kinds of rows that a sampler meets.
enum RowKind: CaseIterable {
    case normal, peaked, flat, equal, tied, masked, rising, wide

    func row(count: Int, random: inout TestRandom) -> [Float] {
        (0..<count).map { token in
            switch self {
            case .normal: random.normal() * 2
            case .peaked: token == count / 3 ? 20 : random.normal() * 2
            case .flat: random.normal() * 0.01
            case .equal: 1.5
            case .tied: Float(random.below(6)) - 3
            case .masked: token % 3 == 1 ? -.infinity : random.normal() * 4 - 100
            case .rising: Float(token) / 100
            case .wide: random.normal() * 1e4
            }
        }
    }
}

/// A small generator for tests (PCG's multiplier; the high bits are used).
struct TestRandom {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 2 &+ 1 }

    mutating func uniform() -> Double {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(state >> 11) * 0x1p-53
    }

    mutating func below(_ count: Int) -> Int { Int(uniform() * Double(count)) }

    mutating func normal() -> Float {
        Float((-2 * log(1 - uniform())).squareRoot() * cos(2 * .pi * uniform()))
    }
}
