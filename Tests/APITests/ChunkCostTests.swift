import JSON
import Testing

@testable import API

/// Streams write a chunk for every token of every client: its encoding has to be next to nothing.
@Suite struct ChunkCostTests {
    @Test func `a chunk is encoded in less than a microsecond`() async throws {
        try await TestService.run { service async throws in
            let model = try service.models.model(named: nil)
            let job = try GenerationJob(
                .chat, Caller(), model: model, prompts: [[100]], promptParam: "messages", tokensMax: 9,
                alternatives: nil, fields: GenerationFields())
            var encoder = ChatCompletionEncoder(job, wantsLogprobs: false)
            var json = JSONWriter(reservingCapacity: 512)
            let text = Array(" swift".utf8)
            var best = Duration.seconds(1)
            // The best of many short turns: a turn in which the machine did something else says nothing.
            for _ in 0..<200 {
                let took = ContinuousClock().measure {
                    for _ in 0..<500 {
                        encoder.chunk(choice: 0, part: .content(text), tokens: [], into: &json)
                    }
                }
                best = min(best, took / 500)
            }
            #expect(try JSONValue.parse(json.bytes)["choices"]?[0]?["delta"]?["content"] == " swift")
            #expect(best < .microseconds(1), "\(best)")
        }
    }
}
