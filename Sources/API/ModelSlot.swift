import Synchronization

/// The model that the routes serve, which comes after the server has begun to listen and goes before it ends.
public final class ModelSlot: Sendable {
    public enum State: Sendable {
        case loading
        case ready(ServedModel)
        /// The server is stopping: what runs may end, nothing new begins.
        case draining
    }

    /// What who sends requests here should know.
    enum Readiness {
        /// 0 to 1.
        case loading(progress: Double)
        case ready(ServedModel)
        /// The end was announced: send requests elsewhere. Until `State.draining` they are still served.
        case draining
    }

    private let state: Mutex<State>
    /// Millionths.
    private let progress = Atomic(0)
    private let isLeaving = Atomic(false)
    /// What the models are asked for at the moment.
    let requests = RequestRegister()
    private let embedder = Mutex<ServedEmbedder?>(nil)

    public init(_ state: State = .loading) {
        self.state = Mutex(state)
    }

    public func set(_ newState: State) { state.withLock { $0 = newState } }

    /// - Parameter fraction: Of the loading, 0 to 1.
    public func report(progress fraction: Double) {
        progress.store(Int(min(1, max(0, fraction)) * 1e6), ordering: .relaxed)
    }

    /// From now on readiness fails, so that load balancers look elsewhere; requests are still served.
    public func announceEnd() { isLeaving.store(true, ordering: .relaxed) }

    /// Whether a readiness check succeeds.
    public var isReady: Bool {
        if case .ready = readiness { true } else { false }
    }

    var readiness: Readiness {
        if isLeaving.load(ordering: .relaxed) { return .draining }
        switch state.withLock({ $0 }) {
        case .loading: return .loading(progress: Double(progress.load(ordering: .relaxed)) / 1e6)
        case .ready(let model): return .ready(model)
        case .draining: return .draining
        }
    }

    public func set(embedder: ServedEmbedder) { self.embedder.withLock { $0 = embedder } }

    /// The model that embeds, when a request asks for it or for none.
    func embedder(named name: String?) throws(APIError) -> ServedEmbedder {
        let generator = try model()
        guard let embedder = embedder.withLock({ $0 }) else {
            if let name, !generator.answers(to: name) { throw .modelNotFound(name) }
            throw .invalid(
                "model",
                "The model '\(generator.id)' does not embed; start the server with --embedding-model.",
                code: "unsupported_model")
        }
        if let name, !embedder.answers(to: name) {
            // A model that is there, and one that is not, are different mistakes.
            if generator.answers(to: name) {
                throw .invalid(
                    "model", "The model '\(generator.id)' does not embed; '\(embedder.id)' does.",
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
        }
    }

    /// All models, the one that generates first.
    func listed() throws(APIError) -> [ListedModel] {
        let embedder = embedder.withLock { $0 }
        return try [ListedModel(model())] + (embedder.map { [ListedModel($0)] } ?? [])
    }

    /// The model, when it is the one that a request asks for.
    func model(named name: String?) throws(APIError) -> ServedModel {
        let model = try model()
        if let name, !model.answers(to: name) { throw .modelNotFound(name) }
        return model
    }
}
