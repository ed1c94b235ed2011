import Glibc
import ModelFiles
import Testing

@testable import Engine

@Suite struct DryPenaltyTests {
    /// The rule itself: for each token, the longest run of last tokens that stood before it earlier.
    private func plainPenalties(_ tokens: [TokenID], _ parameters: DryParameters) -> [TokenID: Double] {
        let window = Array(tokens.suffix(parameters.window ?? tokens.count))
        var limit = window.count
        search: for behind in window.indices {
            let place = window.count - 1 - behind
            let tails = (parameters.breakers[window[place]] ?? []).filter {
                window[(place + 1)...].starts(with: $0)
            }
            guard let tail = tails.map(\.count).max() else { continue }
            limit = behind - tail
            break search
        }
        guard window.count > parameters.allowedLength else { return [:] }
        var penalties: [TokenID: Double] = [:]
        for end in 1..<max(1, window.count) where !(parameters.breakers[window[end]] ?? []).contains([]) {
            var length = 0
            while length < limit, length < end, window[end - 1 - length] == window[window.count - 1 - length]
            {
                length += 1
            }
            guard limit >= parameters.allowedLength, length >= parameters.allowedLength else { continue }
            let excess = Double(length - parameters.allowedLength)
            let penalty = Double(parameters.multiplier) * pow(Double(parameters.base), excess)
            penalties[window[end]] = max(penalties[window[end]] ?? 0, penalty)
        }
        return penalties
    }

    @Test func penaltiesAreThoseOfTheRule() {
        var random = TestRandom(seed: 3)
        var found = 0
        for round in 0..<3000 {
            var parameters = DryParameters()
            parameters.multiplier = 0.8
            parameters.base = [1, 1.2, 1.75][random.below(3)]
            parameters.allowedLength = random.below(4)
            parameters.window = [nil, 0, 1, 9, 40][random.below(5)]
            if round % 2 == 0 {
                for _ in 0..<random.below(3) {
                    let tail = (0..<random.below(3)).map { _ in TokenID(random.below(4)) }
                    parameters.breakers[TokenID(random.below(4)), default: []].append(tail)
                }
            }
            let tokens = (0..<random.below(60)).map { _ in TokenID(random.below(2 + round % 4)) }
            let penalties = DryPenalty.penalties(after: tokens, parameters)
            let expected = plainPenalties(tokens, parameters)
            #expect(penalties.map(\.token) == expected.keys.sorted(), "\(tokens) \(parameters)")
            for (token, penalty) in penalties {
                #expect(abs(Double(penalty) - (expected[token] ?? 0)) <= 1e-4 * (expected[token] ?? 0))
            }
            found += penalties.count
        }
        #expect(found > 2000)
    }

    @Test func aLongRepetitionCostsMuchButANumber() {
        var parameters = DryParameters()
        parameters.multiplier = 100
        parameters.base = 100
        parameters.window = nil
        let penalties = DryPenalty.penalties(after: Array(repeating: 7, count: 5000), parameters)
        #expect(penalties.map(\.token) == [7])
        #expect(penalties[0].penalty.isFinite && penalties[0].penalty > 1e30)
    }

    @Test func theSamplerTakesThePenaltyFromTheLogit() throws {
        var request = GenerationRequest(prompt: [1, 2, 3, 0, 1, 2], tokensMax: 1)
        request.sampling.temperature = 0
        let sampler = Sampler(vocabularyCount: 4)
        let row: [Float] = [0, 0, 0, 0.7]
        #expect(try sampler.sample(row, for: request, after: request.prompt, uniform: 0).token == 3)
        request.sampling.dry.multiplier = 0.6
        #expect(try sampler.sample(row, for: request, after: request.prompt, uniform: 0).token == 3)
        request.sampling.dry.multiplier = 0.8
        #expect(try sampler.sample(row, for: request, after: request.prompt, uniform: 0).token == 0)
        request.sampling.dry.breakers = [3: [[]]]
        #expect(try sampler.sample(row, for: request, after: request.prompt, uniform: 0).token == 3)
    }
}
