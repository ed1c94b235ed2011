import Chat
import Engine
import HTTP
import ModelFiles
import TestSupport
import Tokenization

@testable import API

/// What the routes need of a tiny model's file; made once for all tests.
private struct TestModel: Sendable {
    let tokenizer: Result<Tokenizer, any Error>
    let template: Result<ChatTemplate, any Error>

    private static let llama = TestModel(.llama)
    private static let gemma3 = TestModel(.gemma3)

    static func of(_ tiny: TinyModel) -> TestModel { tiny.architecture == .llama ? llama : gemma3 }

    private init(_ tiny: TinyModel) {
        let metadata = Result {
            let directory = try TemporaryDirectory()
            return try GGUFFile(path: tiny.write(to: directory.file("tiny.gguf"))).metadata
        }
        tokenizer = metadata.flatMap { metadata in Result { try Tokenizer(metadata) } }
        template = metadata.flatMap { metadata in
            Result {
                let source = try metadata.string("tokenizer.chat_template")
                return try ChatTemplate(source: source, bosToken: "<bos>", eosToken: "")
            }
        }
    }
}

/// The routes on a loopback server, with the tiny vocabulary and an engine that a test scripts.
final class TestService: Sendable {
    let engine: FakeEngine
    /// Where there is a model that embeds, named `embedder`.
    let embedder: FakeEmbedder?
    let models: ModelSlot
    let tokenizer: Tokenizer
    let client: HTTPClient
    private let server: HTTPServer

    /// - Parameters:
    ///   - source: A chat template in the place of the model's own.
    ///   - script: From a request to the events of its steps.
    ///   - other: Runs the requests instead of the script.
    ///   - scoresPairs: Of a model that embeds, or scores pairs, beside the other; nil without one.
    ///   - generates: False leaves the model that embeds alone.
    init(
        _ tiny: TinyModel = .llama, contextLength: Int = 256, template source: String? = nil,
        script: @escaping FakeEngine.Script = { _ in FakeEngine.answer([]) },
        serving other: (any GenerationEngine)? = nil, limits: HTTPLimits = HTTPLimits(),
        scoresPairs: Bool? = nil, generates: Bool = true
    ) throws {
        var template = tiny.hasChatTemplate ? try TestModel.of(tiny).template.get() : nil
        if let source { template = try ChatTemplate(source: source, bosToken: "", eosToken: "") }
        tokenizer = try TestModel.of(tiny).tokenizer.get()
        engine = FakeEngine(
            contextLength: contextLength, vocabularyCount: tokenizer.vocabularyCount, script: script)
        let served =
            ServedModel(
                id: "tiny", aliases: ["small"], created: 1_700_000_000, tokenizer: tokenizer,
                template: template,
                engine: other ?? engine,
                embedding: DecoderEmbedder(other ?? engine, width: 4, pooling: .last))
        models = ModelSlot(.ready(generates ? served : nil))
        let vocabularyCount = tokenizer.vocabularyCount
        embedder = scoresPairs.map { FakeEmbedder(vocabularyCount: vocabularyCount, scoresPairs: $0) }
        if let embedder {
            models.set(
                embedder: ServedEmbedder(
                    id: "embedder", created: 1_700_000_000, tokenizer: tokenizer, engine: embedder))
        }
        var router = Router()
        APIRoutes(models: models).add(to: &router)
        server = HTTPServer(configuration: .init(port: 0, limits: limits), router: router)
        try server.start()
        client = HTTPClient(port: server.port ?? 0)
    }

    var counters: HTTPCounters.Snapshot { server.counters.snapshot }

    func stop() async { await server.stop(graceful: false) }

    /// The tokens of a text, one for each byte.
    static func bytes(_ text: String) -> [TokenID] { text.utf8.map { TokenID($0) + 3 } }

    /// Runs `body` with a service that is stopped afterwards.
    static func run(
        _ tiny: TinyModel = .llama, contextLength: Int = 256, template: String? = nil,
        script: @escaping FakeEngine.Script = { _ in FakeEngine.answer([]) }, scoresPairs: Bool? = nil,
        generates: Bool = true, _ body: (TestService) async throws -> Void
    ) async throws {
        let service = try TestService(
            tiny, contextLength: contextLength, template: template, script: script, scoresPairs: scoresPairs,
            generates: generates)
        try await run(service) { try await body(service) }
    }

    /// Runs `body` with a service in front of a real engine whose steps the test allows.
    static func run(
        sequencesMax: Int = 16, limits: HTTPLimits = HTTPLimits(),
        _ body: (TestService, HeldEngine) async throws -> Void
    ) async throws {
        let count = try TestModel.of(.llama).tokenizer.get().vocabularyCount
        let engine = try HeldEngine(vocabularyCount: count, sequencesMax: sequencesMax)
        let service = try TestService(serving: engine, limits: limits)
        defer { engine.allow(steps: 1_000_000) }
        try await run(service) { try await body(service, engine) }
    }

    static func run(_ service: TestService, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch {
            await service.stop()
            throw error
        }
        await service.stop()
    }
}
