import Glibc
import ModelFiles
import Models
import Testing

@testable import Engine

@Suite struct SamplerTests {
    static let sizes = [1, 2, 7, 8, 9, 255, 256, 257, 1000, 5001]

    @Test(arguments: sizes) func greedyTakesTheLowestOfTheLikeliestTokens(count: Int) throws {
        var random = TestRandom(seed: 1)
        for kind in RowKind.allCases {
            let row = kind.row(count: count, random: &random)
            var request = GenerationRequest(prompt: [0], tokensMax: 1)
            request.sampling.temperature = 0
            let drawn = try Sampler(vocabularyCount: count).sample(row, for: request, uniform: 0)
            #expect(Int(drawn.token) == row.firstIndex(of: row.max() ?? 0))
            #expect(drawn.logprob == nil && drawn.alternatives.isEmpty)
        }
    }

    @Test(arguments: sizes) func truncationKeepsWhatSortingKeeps(count: Int) throws {
        var random = TestRandom(seed: 2)
        for kind in RowKind.allCases {
            let row = kind.row(count: count, random: &random)
            for round in 0..<12 {
                var parameters = SamplingParameters()
                parameters.temperature = [0.05, 0.7, 1, 3, 80][random.below(5)]
                if round % 2 == 0 { parameters.topK = [1, 5, 40, count / 2, count][random.below(5)] }
                if round % 3 > 0 { parameters.topP = [0, 0.1, 0.5, 0.95, 0.9999][random.below(5)] }
                if round % 4 == 0 { parameters.minP = [0.001, 0.1, 1][random.below(3)] }
                expectSameTruncation(row, parameters)
            }
        }
    }

    private func expectSameTruncation(_ row: [Float], _ parameters: SamplingParameters) {
        let logits = Logits.holding(row)
        withExtendedLifetime(logits) {
            let tempered = TemperedRow(
                logits[0], maximum: logits[0].maximum, temperature: parameters.temperature,
                scratch: SamplerScratch(vocabularyCount: row.count))
            let cut = Truncation.cut(tempered, parameters)
            let kept = row.indices.filter { token in
                cut.map { !($0 < RankKey(logit: row[token], index: token)) } ?? true
            }
            let allowed = ReferenceSampler.keptCounts(row, parameters)
            #expect(allowed.contains(kept.count), "\(parameters) of \(row.count)")
            let ranked = ReferenceSampler.ranked(row)
            #expect(Set(kept) == Set(ranked[..<kept.count]))
        }
    }

    @Test(arguments: sizes) func logprobsAreThoseOfTheWholeRow(count: Int) throws {
        var random = TestRandom(seed: 3)
        for kind in RowKind.allCases {
            let row = kind.row(count: count, random: &random)
            let maximum = Double(row.max() ?? 0)
            let logTotal = log(row.reduce(0.0) { $0 + exp(Double($1) - maximum) })
            var request = GenerationRequest(prompt: [0], tokensMax: 1)
            request.wantsLogprobs = true
            request.alternativeCount = 20
            // None of these may change a log-probability.
            request.sampling.temperature = 0.5
            request.sampling.topK = 3
            request.bannedTokens = count > 2 ? [TokenID(ReferenceSampler.ranked(row)[0])] : []
            let drawn = try Sampler(vocabularyCount: count).sample(row, for: request, uniform: 0.3)
            let expected = ReferenceSampler.ranked(row).prefix(20)
            #expect(drawn.alternatives.map { Int($0.token) } == Array(expected))
            for reported in drawn.alternatives + [.init(token: drawn.token, logprob: drawn.logprob ?? .nan)] {
                let logprob = Double(row[Int(reported.token)]) - maximum - logTotal
                #expect(
                    Double(reported.logprob) == logprob
                        || abs(Double(reported.logprob) - logprob) < 2e-6 * max(1, abs(logprob)))
            }
            #expect(request.bannedTokens.isEmpty || drawn.token != request.bannedTokens.first)
        }
    }

    @Test func drawsFollowTheTemperedTruncatedDistribution() throws {
        var random = TestRandom(seed: 4)
        for (temperature, topK, topP, minP) in [
            (1, 0, 1, 0), (0.7, 20, 1, 0), (1.3, 0, 0.8, 0), (1, 30, 0.9, 0.02),
        ]
            as [(Float, Int, Float, Float)]
        {
            let row = RowKind.normal.row(count: 45, random: &random)
            var request = GenerationRequest(prompt: [0], tokensMax: 1)
            request.sampling.temperature = temperature
            request.sampling.topK = topK
            request.sampling.topP = topP
            request.sampling.minP = minP
            let sampler = Sampler(vocabularyCount: row.count)
            let stream = CounterRandom(seed: 9, choice: 0)
            let draws = 4000
            var counts = [Double](repeating: 0, count: row.count)
            for position in 0..<draws {
                let drawn = try sampler.sample(row, for: request, uniform: stream.uniform(position: position))
                counts[Int(drawn.token)] += 1
            }
            let probabilities = ReferenceSampler.probabilities(row, request.sampling)
            var chiSquare = 0.0
            var degrees = -1.0
            var rare = (count: 0.0, probability: 0.0)
            for (count, probability) in zip(counts, probabilities) {
                if probability * Double(draws) < 5 {
                    #expect(probability > 0 || count == 0)
                    rare = (rare.count + count, rare.probability + probability)
                    continue
                }
                let expected = probability * Double(draws)
                chiSquare += (count - expected) * (count - expected) / expected
                degrees += 1
            }
            #expect(chiSquare < degrees + 4 * (2 * degrees).squareRoot())
            #expect(abs(rare.count - rare.probability * Double(draws)) < 30)
        }
    }

    @Test func theFirstTokenWhoseRunningSumPassesTheRandomNumberIsDrawn() throws {
        let row: [Float] = [0, -.infinity, 0, 0, -.infinity, 0]
        let sampler = Sampler(vocabularyCount: row.count)
        let request = GenerationRequest(prompt: [0], tokensMax: 1)
        for (uniform, token) in [(0, 0), (0.2499, 0), (0.25, 2), (0.5, 3), (0.75, 5), (0.999_999_999_999, 5)]
            as [(Double, TokenID)]
        {
            #expect(try sampler.sample(row, for: request, uniform: uniform).token == token)
        }
    }

    @Test func aTinyTemperatureIsGreedyAndAHugeOneUniform() throws {
        let row: [Float] = [1, 5, 4.999, -.infinity]
        let sampler = Sampler(vocabularyCount: row.count)
        var request = GenerationRequest(prompt: [0], tokensMax: 1)
        for uniform in [0, 0.5, 0.9999] {
            for temperature in [Float.leastNonzeroMagnitude, 1e-30, 1e-5] {
                request.sampling.temperature = temperature
                #expect(try sampler.sample(row, for: request, uniform: uniform).token == 1)
            }
        }
        request.sampling.temperature = .greatestFiniteMagnitude
        request.sampling.minP = 0.5
        request.sampling.topP = 0.99
        for (uniform, token) in [(0.1, 0), (0.5, 1), (0.9, 2)] as [(Double, TokenID)] {
            #expect(try sampler.sample(row, for: request, uniform: uniform).token == token)
        }
    }

    @Test(arguments: [0, 100, 255, 256, 299]) func aLogitThatIsNoNumberIsAnError(place: Int) {
        for bad in [Float.nan, -.nan, .infinity] {
            var row = [Float](repeating: 1, count: 300)
            row[place] = bad
            #expect(throws: SamplingError.notANumber) {
                try Sampler(vocabularyCount: 300).sample(
                    row, for: .init(prompt: [0], tokensMax: 1), uniform: 0)
            }
        }
    }

    @Test func aRowWithoutAnyProbabilityIsAnError() {
        let row = [Float](repeating: -.infinity, count: 300)
        #expect(throws: SamplingError.nothingAllowed) {
            try Sampler(vocabularyCount: 300).sample(row, for: .init(prompt: [0], tokensMax: 1), uniform: 0)
        }
    }

    @Test func streamsOfSeedsAndChoicesDiffer() {
        var numbers: Set<Double> = []
        for seed in [0, 1, 2, UInt64.max] {
            for choice in 0..<8 {
                for position in 0..<32 {
                    numbers.insert(CounterRandom(seed: seed, choice: choice).uniform(position: position))
                }
            }
        }
        #expect(numbers.count == 4 * 8 * 32)
        #expect(numbers.allSatisfy { 0..<1 ~= $0 })
    }
}
