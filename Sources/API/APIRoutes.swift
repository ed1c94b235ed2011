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
        addProbes(to: &router)
        for path in ["/v1/models", "/models"] {
            router.immediate(.get, path) { _ in
                Self.whole { () throws(APIError) in try ModelRoutes.list(models) }
            }
            router.immediate(.get, path + "/{id}") { request in
                Self.whole { () throws(APIError) in
                    try ModelRoutes.one(models, request.parameters["id"] ?? "")
                }
            }
        }
        router.immediate(.get, "/props") { _ in
            Self.whole { () throws(APIError) in try PropsRoute.answer(models) }
        }
        let version = HTTPResponse.json(Array(#"{"version":"\#(APIVersion.current)"}"#.utf8))
        router.immediate(.get, "/version") { _ in version }
        addRequests(to: &router)
        addModels(to: &router)
        for (path, route) in Self.textRoutes {
            router.on(.post, path, takesJSON: true) { request, writer in
                writer.respond(
                    Self.response { () throws(APIError) in try route(request.jsonObject(), models) })
            }
        }
    }

    private func addProbes(to router: inout Router) {
        let models = models
        let health = HealthRoute(models)
        for path in ["/health", "/v1/health"] { router.immediate(.get, path) { _ in health.answer() } }
        for path in ["/livez", "/healthz", "/ping"] {
            router.immediate(.get, path) { [stallTimeout] _ in
                ProbeRoutes.alive(models, stallTimeout: stallTimeout)
            }
        }
        router.immediate(.get, "/readyz") { _ in ProbeRoutes.ready(models) }
    }

    private func addRequests(to router: inout Router) {
        let register = models.requests
        router.immediate(.get, "/v1/requests") { .json(RequestRoutes.list($0, register)) }
        router.immediate(.delete, "/v1/requests/{id}") { request in
            Self.whole { () throws(APIError) in try RequestRoutes.cancel(request, register) }
        }
    }

    private typealias ModelRoute =
        @Sendable (HTTPRequest, ModelSlot, ResponseWriter) async throws(APIError) -> Void

    /// Routes that ask a model, under OpenAI's paths and llama-server's without `/v1`.
    private func addModels(to router: inout Router) {
        let models = models
        let entrance: Router.Entrance = { models.entrance.refusal(models) }
        let routes: [(paths: [String], entrance: Router.Entrance?, route: ModelRoute)] = [
            (["/v1/chat/completions", "/chat/completions"], entrance, GenerationRoutes.chat),
            (["/v1/completions", "/completions"], entrance, GenerationRoutes.completion),
            (["/v1/embeddings", "/embeddings"], nil, EmbeddingRoute.answer),
            (
                ["/v1/rerank", "/rerank", "/v2/rerank", "/v1/reranking", "/reranking"], nil,
                RerankRoute.answer
            ),
        ]
        for (paths, entrance, route) in routes {
            for path in paths {
                router.on(.post, path, takesJSON: true, entrance: entrance) { request, writer in
                    await Self.answer(writer) { () async throws(APIError) in
                        try await route(request, models, writer)
                    }
                }
            }
        }
    }

    private typealias TextRoute = @Sendable (JSONObject, ModelSlot) throws(APIError) -> HTTPResponse

    /// Routes from one JSON object to another, without the engine.
    private static let textRoutes: [(path: String, route: TextRoute)] = [
        ("/tokenize", TokenizeRoute.answer),
        ("/detokenize", DetokenizeRoute.answer),
        ("/apply-template", ApplyTemplateRoute.answer),
        ("/v1/chat/completions/input_tokens", GenerationRoutes.inputTokens),
        ("/chat/completions/input_tokens", GenerationRoutes.inputTokens),
    ]

    /// The JSON of `make`, or its error.
    private static func whole(_ make: () throws(APIError) -> [UInt8]) -> HTTPResponse {
        response { () throws(APIError) in .json(try make()) }
    }

    private static func response(_ make: () throws(APIError) -> HTTPResponse) -> HTTPResponse {
        do throws(APIError) {
            return try make()
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
