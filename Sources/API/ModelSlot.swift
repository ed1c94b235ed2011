import Synchronization
import Tokenization

/// The models that the routes serve, which come after the server has begun to listen and go before it ends: one that
/// generates, one that embeds, or both.
public final class ModelSlot: Sendable {
    public enum State: Sendable {
        case loading
        /// The model that generates; nil where the one that embeds is alone.
        case ready(ServedModel?)
        /// The server is stopping: what runs may end, nothing new begins.
        case draining
    }

    /// What who sends requests here should know.
    enum Readiness {
        /// 0 to 1.
        case loading(progress: Double)
        case ready(ServedModel?)
        /// The end was announced: send requests elsewhere. Until `State.draining` they are still served.
        case draining
    }

    private let state: Mutex<State>
    /// Millionths.
    private let progress = Atomic(0)
    private let isLeaving = Atomic(false)
    /// What the models are asked for at the moment.
    let requests = RequestRegister()
    let entrance = GenerationEntrance()
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

    /// How long the present step of the model has taken that is the slowest at the moment; 0 when all sleep.
    var roundTime: Duration {
        let embedder = embedder.withLock { $0 }?.engine.roundTime ?? .zero
        guard case .ready(let model?) = readiness else { return embedder }
        return max(embedder, model.engine.status.roundTime)
    }

    public func set(embedder: ServedEmbedder) { self.embedder.withLock { $0 = embedder } }

    /// The model that generates, or nil when there is none; the error says why nothing is served.
    func generator() throws(APIError) -> ServedModel? {
        switch state.withLock({ $0 }) {
        case .loading: throw .unavailable("The model is still loading; try again in a moment.")
        case .draining: throw .unavailable("The server is stopping.")
        case .ready(let model): return model
        }
    }

    /// The model that generates, when a request asks for it or for none.
    func model(named name: String?) throws(APIError) -> ServedModel {
        if let model = try generator(), name.map(model.answers(to:)) ?? true { return model }
        // A model that is there, and one that is not, are different mistakes.
        let embedder = embedder.withLock { $0 }
        if let name, embedder?.answers(to: name) != true { throw .modelNotFound(name) }
        throw .invalid(
            "model", "The model '\(embedder?.id ?? "")' does not generate: it embeds.",
            code: "unsupported_model")
    }

    /// The model that embeds for a request: the one that it names; the one that does nothing else, if there is one; or
    /// the one that generates.
    func embedder(named name: String?) throws(APIError) -> ServedEmbedder {
        let generator = try generator()
        if let embedder = embedder.withLock({ $0 }), name.map(embedder.answers(to:)) ?? true {
            return embedder
        }
        if let name, generator?.answers(to: name) != true { throw .modelNotFound(name) }
        guard let embedder = generator?.embedder else {
            throw .invalid(
                "model", "The model '\(generator?.id ?? "")' does not embed.", code: "unsupported_model")
        }
        return embedder
    }

    /// Whose tokens a request speaks of: the model that it names, or the one that generates, or the only one.
    func vocabulary(named name: String?) throws(APIError) -> ServedVocabulary {
        let embedder = embedder.withLock { $0 }
        if let embedder, try generator() == nil || name.map(embedder.answers(to:)) ?? false {
            if let name, !embedder.answers(to: name) { throw .modelNotFound(name) }
            return ServedVocabulary(
                tokenizer: embedder.tokenizer, contextLength: embedder.engine.contextLength)
        }
        return try model(named: name).vocabulary
    }

    /// All models, the one that generates first.
    func listed() throws(APIError) -> [ListedModel] {
        let generator = try generator().map { ListedModel($0) }
        let embedder = embedder.withLock { $0 }.map { ListedModel($0) }
        return [generator, embedder].compactMap { $0 }
    }
}

/// A model's tokens, for routes that only translate between them and text.
struct ServedVocabulary: Sendable {
    let tokenizer: Tokenizer
    /// Tokens of the longest input, or of prompt and answer together.
    let contextLength: Int
}

extension ServedModel {
    var vocabulary: ServedVocabulary {
        ServedVocabulary(tokenizer: tokenizer, contextLength: engine.contextLength)
    }
}
