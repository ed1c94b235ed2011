import API
import Logging
import TestSupport
import Testing

@testable import Service

@Suite struct LoadingTests {
    private func load(_ path: String, _ change: (inout ServiceConfiguration) -> Void = { _ in }) async throws
        -> LoadedModel
    {
        var configuration = ServiceConfiguration()
        configuration.threads = 1
        change(&configuration)
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return try await ModelLoader(path: path, configuration: configuration, log: log).load { _ in }
    }

    private func message(_ run: () async throws -> LoadedModel) async -> String {
        do {
            _ = try await run()
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: [TinyModel.llama, .gemma3])
    func `a model file becomes a model that answers`(tiny: TinyModel) async throws {
        let directory = try TemporaryDirectory()
        let loaded = try await load(tiny.write(to: directory.file("my.model.gguf")))
        defer { loaded.engine.stop(drain: false) }
        #expect(loaded.served.id == "my.model")
        #expect(loaded.served.template != nil)
        var options = LocalGenerator.Options()
        options.tokensMax = 8
        options.sampling.temperature = 0
        let generator = LocalGenerator(loaded.served)
        var shown: [UInt8] = []
        let first = try await generator.complete("Hello", options) { shown += $0 }
        let second = try await generator.complete("Hello", options) { _ in }
        #expect(first == second)
        #expect(shown == first.text)
        #expect(first.completionTokens > 0 && first.completionTokens <= 8)
        let answer = try await generator.chat([["role": "user", "content": "Hi"]], options) { _ in }
        #expect(answer.promptTokens > first.promptTokens)
    }

    @Test func `a cancelled task ends its answer`() async throws {
        let directory = try TemporaryDirectory()
        let loaded = try await load(TinyModel.llama.write(to: directory.file("tiny.gguf")))
        defer { loaded.engine.stop(drain: false) }
        let generator = LocalGenerator(loaded.served)
        let task = Task { try await generator.complete("Hello", LocalGenerator.Options()) { _ in } }
        task.cancel()
        // It may have come to its end before; it may not hang.
        _ = try await task.value
    }

    @Test func `a model that does not fit in memory is refused with the numbers`() async throws {
        let directory = try TemporaryDirectory()
        let path = try TinyModel.llama.write(to: directory.file("tiny.gguf"))
        let text = await message { try await load(path) { $0.kvMemoryBytes = 1 << 42 } }
        #expect(text.contains("does not fit in memory"))
        #expect(text.contains("4.0 TiB"))
        #expect(text.contains("leaves"))
    }

    @Test func `what is no model, or not there, is named`() async throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write(Array("no model".utf8), as: "bad.gguf")
        #expect(await message { try await load(path) }.contains("bad.gguf"))
        #expect(await message { try await load("/no/such.gguf") }.contains("/no/such.gguf"))
    }

    @Test func `a context that the model was not made for is refused`() async throws {
        let directory = try TemporaryDirectory()
        let path = try TinyModel.llama.write(to: directory.file("tiny.gguf"))
        #expect(await message { try await load(path) { $0.contextTokens = 1 << 20 } }.contains("512"))
    }

    @Test func `the default model is looked up, and its absence names the command that fetches it`() throws {
        let directory = try TemporaryDirectory()
        let error = #expect(throws: ServiceError.self) {
            try ModelLocation.resolve(nil, environment: ["APUS_MODELS": directory.path])
        }
        #expect(error?.description.contains("scripts/fetch-model") == true)
        let path = try directory.write([], as: ModelLocation.defaultModel)
        let found = try ModelLocation.resolve(nil, environment: ["APUS_MODELS": directory.path])
        #expect(found == path)
        let named = try ModelLocation.resolve("other.gguf", environment: [:])
        #expect(named == "other.gguf")
        #expect(ModelLocation.id(of: "/a/b.c.gguf") == "b.c")
    }
}
