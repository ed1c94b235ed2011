import ModelFiles
import Models
import TestSupport
import Testing

@testable import Engine

/// Every sampler gives the same tokens alone and among others, with drafts and without, paused or not.
@Suite struct SamplerStateTests {
    static let samplers: [(name: String, set: @Sendable (inout GenerationRequest) -> Void)] = [
        ("typical", { $0.sampling.typicalP = 0.6 }),
        ("sigma", { $0.sampling.topNSigma = 1 }),
        ("xtc", { ($0.sampling.xtcProbability, $0.sampling.xtcThreshold) = (0.5, 0.05) }),
        ("dynamic", { $0.sampling.dynamicRange = 0.05 }),
        ("mirostat 1", { $0.sampling.mirostat = tuned(1) }),
        ("mirostat 2", { $0.sampling.mirostat = tuned(2) }),
        (
            "dry",
            {
                $0.sampling.dry.multiplier = 0.05
                $0.sampling.dry.window = nil
            }
        ),
        ("order", { $0.sampling.order = [.minP, .temperature, .topP] }),
        ("allowed", { $0.sampling.allowedTokens = (0..<20).map { TokenID($0) } }),
        ("penalties", { $0.sampling.presencePenalty = 0.1 }),
        ("top-p", { $0.sampling.topP = 0.9 }),
        (
            "stops",
            {
                $0.stopTokens = [3, 5]
                $0.tokensMin = 60
                $0.reportsStopToken = true
            }
        ),
        ("words", { $0.bannedSequences = [[3], [5, 6], [7, 8, 9]] }),
        ("after", { $0.reportsSampledDistribution = true }),
    ]

    private static func tuned(_ version: Int) -> SamplingParameters.Mirostat {
        var mirostat = SamplingParameters.Mirostat(version: version)
        mirostat.tau = 0.4
        return mirostat
    }

    static func request(_ number: Int) -> GenerationRequest {
        var request = GenerationRequest(
            prompt: prompt(number, count: 9, vocabularyCount: 40), tokensMax: 150)
        request.sampling.temperature = 0.1
        request.sampling.topP = 0.99
        request.sampling.seed = UInt64(number)
        request.wantsLogprobs = true
        request.alternativeCount = 3
        samplers[number].set(&request)
        return request
    }

    @Test func draftsChangeNoAnswerOfAnySampler() async throws {
        // A model that remembers two tokens soon says the same again.
        let shape = FakeModel.Shape(vocabularyCount: 40, memory: 2)
        var accepted = 0
        for number in Self.samplers.indices {
            let engine = try makeEngine(shape)
            let request = Self.request(number)
            let outcome = try await engine.collect(request).collector.finished()
            let expected = try expectedChoice(request, shape: shape)
            #expect(outcome.choices[0] == expected, "\(Self.samplers[number].name)")
            accepted += outcome.accepted
        }
        #expect(accepted > 20)
    }

    /// Many at once, in memory for a few: each is paused and goes on with what its sampler carried.
    @Test func companyAndPausesChangeNoAnswerOfAnySampler() async throws {
        var shape = FakeModel.Shape(vocabularyCount: 40, blockCount: 14)
        shape.memory = 2
        let control = FakeModelControl(stepsAllowed: 0)
        let engine = try makeEngine(shape, control: control)
        let collectors = try Self.samplers.indices.map { try engine.collect(Self.request($0)).collector }
        control.allow(steps: .max)
        for number in Self.samplers.indices {
            let outcome = await collectors[number].finished()
            let expected = try expectedChoice(Self.request(number), shape: shape)
            #expect(outcome.choices[0] == expected, "\(Self.samplers[number].name)")
        }
        #expect(engine.status.pauses > 0)
    }

    @Test func noStopTokenComesBeforeTheLeastNumber() async throws {
        let shape = FakeModel.Shape(vocabularyCount: 8)
        var request = GenerationRequest(prompt: [1], tokensMax: 50)
        request.sampling.seed = 4
        request.stopTokens = [0, 1, 2, 3]
        request.tokensMin = 20
        let engine = try makeEngine(shape)
        let outcome = try await engine.collect(request).collector.finished()
        let tokens = try #require(outcome.choices[0]?.tokens)
        #expect(tokens.count >= 20 && tokens.allSatisfy { $0 >= 4 })
        guard case .stopToken? = outcome.choices[0]?.reason else {
            Issue.record("ended by \(String(describing: outcome.choices[0]?.reason))")
            return
        }
    }

    @Test func bannedRunsNeverStandInAnAnswer() async throws {
        let shape = FakeModel.Shape(vocabularyCount: 4)
        var request = GenerationRequest(prompt: [1, 2], tokensMax: 200)
        request.sampling.seed = 4
        request.bannedSequences = [[3], [2, 1], [0, 0, 0]]
        let engine = try makeEngine(shape)
        let outcome = try await engine.collect(request).collector.finished()
        let tokens = try #require(outcome.choices[0]?.tokens)
        #expect(!tokens.contains(3) && tokens.count == 200)
        #expect(!zip(tokens, tokens.dropFirst()).contains { $0 == (2, 1) })
        #expect(zip(tokens, tokens.dropFirst()).contains { $0 == (0, 0) })
        #expect(!tokens.indices.dropFirst(2).contains { tokens[($0 - 2)...$0] == [0, 0, 0] })
    }

    private static let faults: [(name: String, change: @Sendable (inout SamplingParameters) -> Void)] = [
        ("typical_p", { $0.typicalP = 1.1 }), ("top_n_sigma", { $0.topNSigma = -1 }),
        ("xtc_probability", { $0.xtcProbability = .nan }), ("dry_base", { $0.dry.base = 0.5 }),
        ("dynatemp_range", { $0.dynamicRange = .infinity }), ("min_keep", { $0.keptMin = -1 }),
        ("mirostat", { $0.mirostat = .init(version: 3) }), ("dry_penalty_last_n", { $0.dry.window = -1 }),
        ("the temperature", { $0.temperature = -0.1 }), ("top_k", { $0.topK = -1 }),
    ]

    @Test func theEngineRefusesWhatItCannotDrawWith() throws {
        let engine = try makeEngine()
        for (name, change) in Self.faults {
            var request = GenerationRequest(prompt: [1], tokensMax: 1)
            #expect(request.sampling.fault == nil)
            change(&request.sampling)
            #expect(request.sampling.fault?.hasPrefix(name + " is ") == true)
            #expect(throws: AdmissionError.self) { try engine.submit(request) { _ in } }
        }
    }
}
