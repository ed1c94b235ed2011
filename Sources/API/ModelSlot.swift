import Synchronization

/// The model that the routes serve, which comes after the server has begun to listen and goes before it ends.
public final class ModelSlot: Sendable {
    public enum State: Sendable {
        case loading
        case ready(ServedModel)
        /// The server is stopping: what runs may end, nothing new begins.
        case draining
    }

    private let state: Mutex<State>

    public init(_ state: State = .loading) {
        self.state = Mutex(state)
    }

    public func set(_ newState: State) { state.withLock { $0 = newState } }

    /// The model, or the error that says why there is none.
    func model() throws(APIError) -> ServedModel {
        switch state.withLock({ $0 }) {
        case .loading: throw .unavailable("The model is still loading; try again in a moment.")
        case .draining: throw .unavailable("The server is stopping.")
        case .ready(let model): return model
        }
    }

    /// The model, when it is the one that a request asks for.
    func model(named name: String?) throws(APIError) -> ServedModel {
        let model = try model()
        if let name, !model.answers(to: name) { throw .modelNotFound(name) }
        return model
    }
}
