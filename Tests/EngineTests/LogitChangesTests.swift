import ModelFiles
import Models
import Testing

@testable import Engine

@Suite struct LogitChangesTests {
    /// Changing a few logits and their segments' summaries is the same as sampling a row that was changed before.
    @Test(arguments: [9, 256, 257, 3000]) func changedRowsAreSampledAsIfTheModelHadGivenThem(count: Int)
        throws
    {
        var random = TestRandom(seed: 5)
        for kind in RowKind.allCases {
            let row = kind.row(count: count, random: &random)
            for round in 0..<8 {
                let prompt = (0..<5).map { _ in TokenID(random.below(count)) }
                let answer = (0..<7).map { _ in TokenID(random.below(count) / 3) }
                var request = GenerationRequest(prompt: prompt, tokensMax: 9)
                request.sampling.temperature = round % 2 == 0 ? 0 : 0.9
                request.sampling.topP = round % 4 == 1 ? 0.8 : 1
                if round % 3 == 0 { request.sampling.repetitionPenalty = 1.4 }
                if round % 3 == 1 { request.sampling.presencePenalty = 1.5 }
                if round % 3 > 0 { request.sampling.frequencyPenalty = -0.5 }
                request.sampling.repetitionWindow = round < 4 ? nil : 3
                request.sampling.logitBias = [
                    TokenID(1 + random.below(count - 1)): 3, 0: -2, TokenID(count): 8, -1: 8,
                ]
                request.bannedTokens = [TokenID(random.below(count)), -7, TokenID(count)]
                let changed = plainlyChanged(row, request, prompt + answer)
                var plain = GenerationRequest(prompt: prompt, tokensMax: 9)
                plain.sampling.temperature = request.sampling.temperature
                plain.sampling.topP = request.sampling.topP
                let sampler = Sampler(vocabularyCount: count)
                let uniform = random.uniform()
                #expect(
                    try sampler.sample(row, for: request, after: prompt + answer, uniform: uniform)
                        == sampler.sample(changed, for: plain, uniform: uniform))
            }
        }
    }

    @Test func logprobsAreThoseBeforeTheChanges() throws {
        var request = GenerationRequest(prompt: [1], tokensMax: 1)
        request.sampling.temperature = 0
        request.sampling.logitBias = [3: 100]
        request.wantsLogprobs = true
        request.alternativeCount = 1
        let drawn = try Sampler(vocabularyCount: 4).sample([0, 0, 0, 0], for: request, uniform: 0)
        #expect(drawn.token == 3)
        #expect(abs((drawn.logprob ?? 0) + 1.386_294_4) < 1e-6)
        #expect(drawn.alternatives.map(\.token) == [0])
    }

    private func plainlyChanged(_ row: [Float], _ request: GenerationRequest, _ tokens: [TokenID]) -> [Float]
    {
        let parameters = request.sampling
        let answer = tokens.dropFirst(request.prompt.count)
        let window = tokens.suffix(parameters.repetitionWindow ?? tokens.count)
        return row.enumerated().map { index, original in
            let token = TokenID(index)
            var logit = original
            if window.contains(token) {
                logit =
                    logit > 0 ? logit / parameters.repetitionPenalty : logit * parameters.repetitionPenalty
            }
            let count = answer.count { $0 == token }
            if count > 0 {
                logit -= parameters.presencePenalty + Float(count) * parameters.frequencyPenalty
            }
            logit += parameters.logitBias[token] ?? 0
            return request.bannedTokens.contains(token) ? -.infinity : logit
        }
    }
}
