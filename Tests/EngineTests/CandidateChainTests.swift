import Glibc
import ModelFiles
import Models
import Testing

@testable import Engine

@Suite struct CandidateChainTests {
    /// The distribution that a chain draws from, all of it.
    private func distribution(
        _ row: [Float], _ parameters: SamplingParameters, exclusion: Double, history: [TokenID] = []
    ) throws -> [Int: Double] {
        let logits = Logits.holding(row)
        return try withExtendedLifetime(logits) {
            let chain = try CandidateChain(
                logits[0], allowed: parameters.allowedTokens,
                scratch: SamplerScratch(vocabularyCount: row.count))
            chain.run(
                parameters, changes: LogitChanges(vocabularyCount: row.count),
                history: TokenHistory(tokens: history, promptCount: 0), exclusion: exclusion)
            var found: [Int: Double] = [:]
            for place in 0..<chain.count { found[chain.token(place)] = exp(chain.logprob(place)) }
            return found
        }
    }

    private func difference(_ a: [Int: Double], _ b: [Int: Double]) -> Double {
        Set(a.keys).union(b.keys).reduce(0) { $0 + abs((a[$1] ?? 0) - (b[$1] ?? 0)) } / 2
    }

    /// Thousands of rows and settings: every sampler alone, and several in a random order.
    @Test(arguments: [1, 2, 9, 60, 257, 1000])
    func theDistributionIsThatOfThePlainRules(count: Int) throws {
        var random = TestRandom(seed: UInt64(count))
        var cases = 0
        for _ in 0..<(count > 256 ? 40 : 160) {
            for kind in RowKind.allCases {
                let row = kind.row(count: count, random: &random)
                let parameters = Self.parameters(count: count, &random)
                let exclusion = random.uniform()
                let found = try distribution(row, parameters, exclusion: exclusion)
                let matches = [0, 1e-5, -1e-5].contains { slack in
                    let expected = ReferenceChain.distribution(
                        row, parameters, exclusion: exclusion, slack: slack)
                    return difference(found, expected) < 1e-4
                }
                #expect(matches, "\(kind) of \(count): \(parameters)")
                cases += 1
            }
        }
        #expect(cases >= 320)
    }

    private static func parameters(count: Int, _ random: inout TestRandom) -> SamplingParameters {
        var parameters = SamplingParameters()
        func chance() -> Bool { random.uniform() < 0.35 }
        parameters.temperature = [0, 0.3, 0.8, 1, 1.7][random.below(5)]
        if chance() { parameters.typicalP = [0.1, 0.5, 0.9, 0.999][random.below(4)] }
        if chance() { parameters.topNSigma = [0.3, 1, 2.5][random.below(3)] }
        if chance() {
            (parameters.xtcProbability, parameters.xtcThreshold) = (
                0.7, [0, 0.02, 0.1, 0.5, 0.6][random.below(5)]
            )
        }
        if chance() {
            (parameters.dynamicRange, parameters.dynamicExponent) = (
                [0.2, 0.8, 2][random.below(3)], [0.5, 1, 3][random.below(3)]
            )
        }
        if chance() { parameters.topK = 1 + random.below(count + 3) }
        if chance() { parameters.topP = [0, 0.2, 0.7, 0.99][random.below(4)] }
        if chance() { parameters.minP = [0.001, 0.1, 1][random.below(3)] }
        if chance() { parameters.keptMin = random.below(5) }
        if chance() {
            parameters.allowedTokens = (0..<count).filter { _ in random.uniform() < 0.5 }.map { TokenID($0) }
            if (parameters.allowedTokens ?? []).allSatisfy({ $0 % 3 == 1 }) { parameters.allowedTokens = nil }
        }
        if chance() {
            var stages = SamplerStage.allCases
            for place in stages.indices.reversed() { stages.swapAt(place, random.below(place + 1)) }
            parameters.order = Array(stages.prefix(random.below(stages.count + 1)))
        }
        return parameters
    }

    /// From seeds to tokens: counts of draws against the plain probabilities.
    @Test(arguments: ["typical", "sigma", "xtc", "dynamic", "order"])
    func drawsFollowTheDistribution(name: String) throws {
        var random = TestRandom(seed: 8)
        let row = RowKind.normal.row(count: 45, random: &random)
        var request = GenerationRequest(prompt: [0], tokensMax: 1)
        switch name {
        case "typical": request.sampling.typicalP = 0.8
        case "sigma": request.sampling.topNSigma = 1.5
        case "xtc": (request.sampling.xtcProbability, request.sampling.xtcThreshold) = (0.6, 0.08)
        case "dynamic": request.sampling.dynamicRange = 0.9
        default: request.sampling.order = [.topK, .temperature]
        }
        request.sampling.topK = name == "order" ? 12 : 0
        let sampler = Sampler(vocabularyCount: row.count)
        let stream = CounterRandom(seed: 31, choice: 2)
        let draws = 6000
        var counts = [Int: Double]()
        for position in 0..<draws {
            var state = SamplerState()
            let drawn = try sampler.sample(
                row, for: request, after: [0], chances: stream.chances(position: position), state: &state)
            counts[Int(drawn.token), default: 0] += 1
        }
        var expected: [Int: Double] = [:]
        for (share, exclusion) in [(0.6, 0.0), (0.4, 0.99)] {
            let part = ReferenceChain.distribution(row, request.sampling, exclusion: exclusion, slack: 0)
            for (token, probability) in part { expected[token, default: 0] += share * probability }
        }
        var (chiSquare, degrees) = (0.0, -1.0)
        for token in row.indices {
            let mean = (expected[token] ?? 0) * Double(draws)
            let count = counts[token] ?? 0
            #expect(mean > 0 || count == 0)
            guard mean >= 5 else { continue }
            chiSquare += (count - mean) * (count - mean) / mean
            degrees += 1
        }
        #expect(
            degrees > 2 && chiSquare < degrees + 4.5 * (2 * degrees).squareRoot(),
            "\(chiSquare) of \(degrees)")
    }

    @Test(arguments: [1, 2]) func mirostatFollowsItsTarget(version: Int) throws {
        var random = TestRandom(seed: 12)
        for tau in [1, 3, 5] as [Float] {
            var request = GenerationRequest(prompt: [0], tokensMax: 1)
            request.sampling.mirostat = .init(version: version)
            request.sampling.mirostat?.tau = tau
            // Replaced by mirostat.
            request.sampling.topK = 1
            request.wantsLogprobs = true
            let sampler = Sampler(vocabularyCount: 300)
            var state = SamplerState()
            var surpriseMax = 2 * Double(tau)
            var surprises = 0.0
            for position in 0..<600 {
                let row = RowKind.normal.row(count: 300, random: &random)
                let chances = TokenChances(draw: random.uniform())
                let drawn = try sampler.sample(
                    row, for: request, after: [0], chances: chances, state: &state)
                let plain = ReferenceChain(row)
                let kept = Self.kept(plain, version, surpriseMax)
                #expect(kept.contains(Int(drawn.token)))
                let total = kept.reduce(0) { $0 + plain.probabilities[$1] }
                let surprise = -log2(plain.probabilities[Int(drawn.token)] / total)
                surpriseMax -= 0.1 * (surprise - Double(tau))
                #expect(abs((state.surpriseMax ?? 0) - surpriseMax) < 1e-3)
                // From here on by ours, so that rounding does not add up.
                surpriseMax = state.surpriseMax ?? 0
                if position >= 100 { surprises += surprise }
            }
            #expect(abs(surprises / 500 - Double(tau)) < 0.15)
        }
    }

    /// By the papers' rules; a token on the border may be in or out.
    private static func kept(_ plain: ReferenceChain, _ version: Int, _ surpriseMax: Double) -> [Int] {
        let probabilities = plain.probabilities
        let ranked = plain.ranked
        if version == 2 {
            let kept = ranked.filter { -log2(probabilities[$0]) <= surpriseMax }
            return kept.isEmpty ? [ranked[0]] : kept
        }
        var (products, squares) = (0.0, 0.0)
        for i in 0..<99 {
            let t = log(Double(i + 2) / Double(i + 1))
            products += t * log(probabilities[ranked[i]] / probabilities[ranked[i + 1]])
            squares += t * t
        }
        let s = products / squares
        let k = pow((s - 1) * exp2(surpriseMax) / (1 - pow(300, -(s - 1))), 1 / s)
        return Array(ranked.prefix(max(1, min(300, k.isFinite ? Int(min(k, 300)) : 300))))
    }

    @Test func penaltiesMayComeLate() throws {
        var parameters = SamplingParameters()
        parameters.frequencyPenalty = 2
        parameters.repetitionPenalty = 2
        parameters.topK = 2
        let row: [Float] = [4, 3, 2, 1]
        // The answer has token 0 twice: its logit is 4 / 2 - 4.
        parameters.order = [.topK, .penalties]
        let late = try distribution(row, parameters, exclusion: 0, history: [0, 0])
        #expect(Set(late.keys) == [0, 1])
        #expect(abs((late[0] ?? 0) - 1 / (1 + exp(5))) < 1e-6)
        parameters.order = [.penalties, .topK]
        var request = GenerationRequest(prompt: [], tokensMax: 1)
        request.sampling = parameters
        let sampler = Sampler(vocabularyCount: 4)
        let early = try [0, 0.99].map {
            try sampler.sample(row, for: request, after: [0, 0], uniform: $0).token
        }
        #expect(early == [1, 2])
    }

    @Test func sampledDistributionsAreReportedWhereAskedFor() throws {
        var request = GenerationRequest(prompt: [0], tokensMax: 1)
        request.wantsLogprobs = true
        request.alternativeCount = 3
        request.reportsSampledDistribution = true
        request.sampling.topK = 2
        request.sampling.logitBias = [2: 100]
        let row: [Float] = [0, 0, 0, 0]
        let drawn = try Sampler(vocabularyCount: 4).sample(row, for: request, uniform: 0.9)
        #expect(drawn.token == 2 && drawn.alternatives.map(\.token) == [2, 0])
        #expect(drawn.logprob == 0 && drawn.alternatives[1].logprob < -99)
        request.sampling.temperature = 0
        let greedy = try Sampler(vocabularyCount: 4).sample(row, for: request, uniform: 0.9)
        #expect(greedy.token == 2 && greedy.logprob == 0 && greedy.alternatives.map(\.token) == [2])
    }

    @Test func nothingAllowedIsAnError() {
        var request = GenerationRequest(prompt: [0], tokensMax: 1)
        request.sampling.allowedTokens = [1]
        request.bannedTokens = [1]
        #expect(throws: SamplingError.nothingAllowed) {
            try Sampler(vocabularyCount: 3).sample([1, 2, 3], for: request, uniform: 0)
        }
    }

    /// The quick way and the chain are two ways to the same draw.
    @Test func theChainDrawsWhatTruncationDraws() throws {
        var random = TestRandom(seed: 21)
        for round in 0..<400 {
            let row = RowKind.normal.row(count: 600, random: &random)
            var request = GenerationRequest(prompt: [0], tokensMax: 1)
            request.sampling.temperature = [0, 0.6, 1, 1.4][round % 4]
            request.sampling.topK = [0, 20][round / 4 % 2]
            request.sampling.topP = [1, 0.9][round / 8 % 2]
            request.sampling.minP = [0, 0.05][round / 16 % 2]
            let uniform = random.uniform()
            let sampler = Sampler(vocabularyCount: 600)
            let quick = try sampler.sample(row, for: request, uniform: uniform)
            request.sampling.order = SamplerStage.usualOrder
            #expect(try sampler.sample(row, for: request, uniform: uniform) == quick)
        }
    }
}
