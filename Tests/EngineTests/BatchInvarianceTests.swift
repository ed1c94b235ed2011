import Glibc
import ModelFiles
import Models
import TestSupport
import Testing

@testable import Engine

/// The same request gives the same tokens and bit-identical log-probabilities, whatever else is computed with it
/// and however much of it was computed before.
@Suite struct BatchInvarianceTests {
    @Test func ofATinyModel() async throws {
        let directory = try TemporaryDirectory()
        let path = try TinyModel.llama.write(to: directory.file("tiny.gguf"))
        try await expectInvariant(path, tokensMax: 40, kvBlocks: 12)
    }

    /// The prompt is longer than all of these windows, and prompts leave each other before, in and behind them.
    @Test(arguments: [8, 40, 70]) func ofATinyModelWithASlidingWindow(_ window: Int) async throws {
        var tiny = TinyModel.gemma3
        tiny.slidingWindow = window
        let directory = try TemporaryDirectory()
        let path = try tiny.write(to: directory.file("tiny.gguf"))
        try await expectInvariant(path, tokensMax: 40, kvBlocks: window == 8 ? 4 : 8)
    }

    @Test(.enabled(if: RealModel.path != nil, "no model: scripts/fetch-model"))
    func ofTheDefaultModel() async throws {
        try await expectInvariant(try #require(RealModel.path), tokensMax: 10, kvBlocks: 12)
    }

    /// - Parameter kvBlocks: blocks of every layer that are too few for all requests together.
    private func expectInvariant(_ path: String, tokensMax: Int, kvBlocks: Int) async throws {
        let cold = try engine(path)
        let request = request(0, cold.vocabularyCount, tokensMax: tokensMax)
        let expected = try await Bits(cold, request)
        #expect(expected.tokens[0].count == tokensMax && expected.cachedTokens == 0)
        let warm = try await Bits(cold, request)
        #expect(warm.cachedTokens == request.prompt.count - 1)
        #expect(warm == expected, "with a warm cache")
        #expect(
            try await Bits(engine(path) { $0.chunkColumnsMax = 7 }, request) == expected, "in chunks of 7")

        let crowded = try engine(path)
        #expect(try await Bits(crowded, request, among: 31) == expected, "among 31 others")
        #expect(try await Bits(crowded, request, among: 31) == expected, "among 31 others, with a warm cache")
        let chunked = try engine(path) { $0.chunkColumnsMax = 7 }
        #expect(try await Bits(chunked, request, among: 31) == expected, "among 31 others in chunks of 7")

        let short = try engine(path, kvBlocks: kvBlocks)
        #expect(try await Bits(short, request, among: 31) == expected, "with little memory")
        #expect(try await Bits(short, request, among: 31) == expected, "with little memory, and what it kept")
        #expect(short.status.pauses > 0 && short.status.memoryFreeBytes == short.status.memoryBytes)
    }

    private func engine(
        _ path: String, kvBlocks: Int = 512, _ change: (inout EngineConfiguration) -> Void = { _ in }
    ) throws -> Engine {
        var configuration = EngineConfiguration()
        change(&configuration)
        return try Engine(configuration: configuration) {
            let file = try GGUFFile(path: path)
            var options = ModelOptions(threads: 2, contextLength: 300)
            let plan = try MemoryPlan(file: file, options: options)
            options.kvBytesMax = plan.kv.bytesInAllLayers * kvBlocks
            let model = try TransformerModel.load(file: file, options: options)
            model.adoptThread()
            return model
        }
    }

    /// Prompts that begin alike and go on differently; number 0 is the one that is compared.
    private func request(_ number: Int, _ vocabularyCount: Int, tokensMax: Int) -> GenerationRequest {
        let shared = [40, 77, 77, 3][number % 4]
        let own = 5 + number * 13 % 60
        let prompt = (0..<shared + own).map { position in
            let source = position < shared ? position * 31 : 1000 * (number + 1) + position * 17
            return TokenID(3 + source % (vocabularyCount - 3))
        }
        var request = GenerationRequest(prompt: prompt, tokensMax: tokensMax)
        request.choiceCount = number % 4 == 0 ? 2 : 1
        request.sampling.temperature = number % 3 == 0 ? 0.9 : 0
        request.sampling.seed = UInt64(number)
        request.wantsLogprobs = true
        request.alternativeCount = 2
        return request
    }

    /// An answer with its log-probabilities to the bit.
    private struct Bits: Equatable {
        var tokens: [[TokenID]] = []
        var logprobs: [[UInt32?]] = []
        var alternatives: [[[TokenLogprob]]] = []
        var cachedTokens = 0

        static func == (a: Bits, b: Bits) -> Bool {
            (a.tokens, a.logprobs, a.alternatives) == (b.tokens, b.logprobs, b.alternatives)
        }

        /// Runs a request, together with others that are submitted before and after it.
        init(_ engine: Engine, _ request: GenerationRequest, among others: Int = 0) async throws {
            let suite = BatchInvarianceTests()
            func run(_ numbers: ClosedRange<Int>) throws -> [Collector] {
                try numbers.map {
                    let other = suite.request($0, engine.vocabularyCount, tokensMax: request.tokensMax)
                    return try engine.collect(other).collector
                }
            }
            let before = others > 0 ? try run(1...others / 2) : []
            let collector = try engine.collect(request).collector
            let after = others > 0 ? try run(others / 2 + 1...others) : []
            let outcome = await collector.finished()
            for other in before + after { _ = await other.finished() }
            for choice in 0..<request.choiceCount {
                let choice = outcome.choices[choice] ?? .init()
                tokens.append(choice.tokens)
                logprobs.append(choice.logprobs.map { $0?.bitPattern })
                alternatives.append(choice.alternatives)
            }
            cachedTokens = outcome.cachedTokens ?? 0
        }
    }
}

enum RealModel {
    static var path: String? {
        let home = getenv("HOME").map { String(cString: $0) } ?? "/root"
        let directory = getenv("APUS_MODELS").map { String(cString: $0) } ?? home + "/.cache/apus/models"
        let path = directory + "/SmolLM2-135M-Instruct.Q4_1.gguf"
        return access(path, R_OK) == 0 ? path : nil
    }
}
