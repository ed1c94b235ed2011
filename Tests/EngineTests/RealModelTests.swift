import Compute
import Glibc
import ModelFiles
import Models
import Testing

@testable import Engine

/// The engine on the default model, where it is present.
@Suite(.enabled(if: RealModel.path != nil, "no model: scripts/fetch-model"))
struct RealModelTests {
    @Test func answersAndLogprobsAreBitIdenticalAloneAndTogether() async throws {
        let path = try #require(RealModel.path)
        let engine = try Engine {
            let options = ModelOptions(threads: 2, contextLength: 512)
            let model = try TransformerModel.load(file: GGUFFile(path: path), options: options)
            model.adoptThread()
            return model
        }
        let requests = [1, 33, 90, 7].enumerated().map { number, promptCount in
            let prompt = (0..<promptCount).map { TokenID(500 + (number * 977 + $0 * 331) % 40_000) }
            var request = GenerationRequest(prompt: prompt, tokensMax: 3 + number)
            request.choiceCount = number == 1 ? 2 : 1
            request.sampling.temperature = number % 2 == 0 ? 0 : 0.9
            request.sampling.seed = UInt64(number)
            request.wantsLogprobs = true
            request.alternativeCount = 2
            return request
        }
        let together = try requests.map { try engine.collect($0).collector }
        var outcomes: [Collector.Outcome] = []
        for collector in together { outcomes.append(await collector.finished()) }
        for (request, outcome) in zip(requests, outcomes) {
            let alone = try await engine.collect(request).collector.finished()
            #expect(alone.choices == outcome.choices)
            #expect(alone.choices[0]?.tokens.count == request.tokensMax)
            #expect(alone.choices[0]?.reason == .length)
        }
        #expect(engine.status.blocksFree == engine.status.blockCount)
    }
}

private enum RealModel {
    static var path: String? {
        let home = getenv("HOME").map { String(cString: $0) } ?? "/root"
        let directory = getenv("APUS_MODELS").map { String(cString: $0) } ?? home + "/.cache/apus/models"
        let path = directory + "/SmolLM2-135M-Instruct.Q4_1.gguf"
        return access(path, R_OK) == 0 ? path : nil
    }
}
