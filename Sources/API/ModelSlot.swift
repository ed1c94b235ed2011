import Synchronization

/// The model that the routes serve, which comes after the server has begun to listen and goes before it ends.
public final class ModelSlot: Sendable {
    public enum State: Sendable {
        case loading
        case ready(ServedModel)
        /// There is no model that generates, only one that embeds.
        case readyToEmbed
        /// The server is stopping: what runs may end, nothing new begins.
        case draining
    }

    private let state: Mutex<State>
    private let embedder = Mutex<ServedEmbedder?>(nil)

    public init(_ state: State = .loading) {
        self.state = Mutex(state)
    }

    public func set(_ newState: State) { state.withLock { $0 = newState } }

    public func set(embedder: ServedEmbedder) { self.embedder.withLock { $0 = embedder } }

    /// The model that embeds, when a request asks for it or for none.
    func embedder(named name: String?) throws(APIError) -> ServedEmbedder {
        guard let embedder = embedder.withLock({ $0 }) else {
            let model = try model(named: name)
            throw .invalid(
                "model", "The model '\(model.id)' does not embed; start the server with --embedding-model.",
                code: "unsupported_model")
        }
        if let name, !embedder.answers(to: name) {
            // A model that is there, and one that is not, are different mistakes.
            if let model = try generator(), model.answers(to: name) {
                throw .invalid(
                    "model", "The model '\(model.id)' does not embed; '\(embedder.id)' does.",
                    code: "unsupported_model")
            }
            throw .modelNotFound(name)
        }
        return embedder
    }

    /// The model, or the error that says why there is none.
    func model() throws(APIError) -> ServedModel {
        switch state.withLock({ $0 }) {
        case .loading: throw .unavailable("The model is still loading; try again in a moment.")
        case .draining: throw .unavailable("The server is stopping.")
        case .ready(let model): return model
        case .readyToEmbed:
            throw APIError(
                .notFound, "This server has no model that generates; POST /v1/embeddings is what it answers.",
                param: "model", code: "model_not_found")
        }
    }

    /// The model that generates, when there is one.
    private func generator() throws(APIError) -> ServedModel? {
        if case .readyToEmbed = state.withLock({ $0 }) { return nil }
        return try model()
    }

    /// What can be asked of each model, those that generate first.
    func listed() throws(APIError) -> [ListedModel] {
        let generator = try generator()
        let embedder = embedder.withLock { $0 }
        return [generator.map(ListedModel.init), embedder.map(ListedModel.init)].compactMap { $0 }
    }

    /// The model, when it is the one that a request asks for.
    func model(named name: String?) throws(APIError) -> ServedModel {
        let model = try model()
        if let name, !model.answers(to: name) { throw .modelNotFound(name) }
        return model
    }
}
