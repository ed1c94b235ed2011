import HTTP
import JSON

/// The routes of the API, on a model that may still be loading.
public struct APIRoutes: Sendable {
    private let models: ModelSlot
    private let stallTimeout: Duration

    /// - Parameter stallTimeout: A step of the engine that takes longer than this means that it is stuck.
    public init(models: ModelSlot, stallTimeout: Duration = .seconds(60)) {
        self.models = models
        self.stallTimeout = stallTimeout
    }

    public func add(to router: inout Router) {
        let models = models
        let health = HealthRoute(models)
        router.immediate(.get, "/health") { _ in health.answer() }
        for path in ["/livez", "/healthz", "/ping"] {
            router.immediate(.get, path) { [stallTimeout] _ in
                ProbeRoutes.alive(models, stallTimeout: stallTimeout)
            }
        }
        router.immediate(.get, "/readyz") { _ in ProbeRoutes.ready(models) }
        router.immediate(.get, "/v1/models") { _ in
            Self.whole { () throws(APIError) in try ModelRoutes.list(models) }
        }
        router.immediate(.get, "/v1/models/{id}") { request in
            Self.whole { () throws(APIError) in try ModelRoutes.one(models, request.parameters["id"] ?? "") }
        }
        router.on(.post, "/v1/chat/completions", takesJSON: true) { request, writer in
            await Self.answer(writer) { () async throws(APIError) in
                try await GenerationRoutes.chat(request, models, writer)
            }
        }
        router.on(.post, "/v1/completions", takesJSON: true) { request, writer in
            await Self.answer(writer) { () async throws(APIError) in
                try await GenerationRoutes.completion(request, models, writer)
            }
        }
        router.on(.post, "/v1/embeddings", takesJSON: true) { request, writer in
            await Self.answer(writer) { () async throws(APIError) in
                try await EmbeddingRoute.answer(request, models, writer)
            }
        }
        for path in ["/v1/rerank", "/rerank", "/v2/rerank"] {
            router.on(.post, path, takesJSON: true) { request, writer in
                await Self.answer(writer) { () async throws(APIError) in
                    try await RerankRoute.answer(request, models, writer, isCohere: path == "/v2/rerank")
                }
            }
        }
        for (path, route) in Self.textRoutes {
            router.on(.post, path, takesJSON: true) { request, writer in
                writer.respond(Self.whole { () throws(APIError) in try route(request.jsonObject(), models) })
            }
        }
    }

    private typealias TextRoute = @Sendable (JSONObject, ModelSlot) throws(APIError) -> [UInt8]

    /// Routes from one JSON object to another, without the engine.
    private static let textRoutes: [(path: String, route: TextRoute)] = [
        ("/tokenize", { (body, models) throws(APIError) in try TokenizeRoute.answer(body, models) }),
        ("/detokenize", { (body, models) throws(APIError) in try DetokenizeRoute.answer(body, models) }),
        (
            "/apply-template",
            { (body, models) throws(APIError) in try ApplyTemplateRoute.answer(body, models) }
        ),
    ]

    /// The JSON of `make`, or its error.
    private static func whole(_ make: () throws(APIError) -> [UInt8]) -> HTTPResponse {
        do throws(APIError) {
            return .json(try make())
        } catch {
            return error.response
        }
    }

    private static func answer(
        _ writer: ResponseWriter, _ run: () async throws(APIError) -> Void
    ) async {
        do throws(APIError) {
            try await run()
        } catch {
            writer.respond(error.response)
        }
    }
}
