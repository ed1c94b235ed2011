import Glibc
import Synchronization

/// The requests that wait for the engine or run in it, so that clients can list and cancel them.
final class RequestRegister: Sendable {
    private struct State {
        var entries: [Int: RegisteredRequest] = [:]
        var entered = 0
    }

    private let state = Mutex(State())

    /// Until `leave`, the request is listed.
    ///
    /// - Returns: Its place.
    func enter(_ request: RegisteredRequest) -> Int {
        state.withLock { state in
            state.entered += 1
            state.entries[state.entered] = request
            return state.entered
        }
    }

    func leave(_ place: Int) {
        // What it holds goes when the lock is free.
        _ = state.withLock { $0.entries.removeValue(forKey: place) }
    }

    /// The requests of one client, in the order in which they came. With API keys nobody sees those of another key.
    func requests(of client: String?) -> [RegisteredRequest] {
        state.withLock { state in
            state.entries.filter { $0.value.caller.client == client }.sorted { $0.key < $1.key }.map(\.value)
        }
    }
}

/// A request on its way through the engine.
final class RegisteredRequest: Sendable {
    /// As in its answer.
    let id: String
    let caller: Caller
    /// What its answer is, such as `chat.completion`.
    let kind: String
    let model: String
    /// Seconds since 1970.
    let created: Int64
    let promptTokens: Int
    /// The first prompt has left the queue.
    let isRunning = Atomic(false)
    /// Drawn so far.
    let completionTokens = Atomic(0)
    private let cancellation: @Sendable () -> Void

    /// - Parameter cancel: Returns at once; the answer then ends with an error.
    init(
        id: String, caller: Caller, kind: String, model: String, created: Int64 = Int64(time(nil)),
        promptTokens: Int, cancel: @escaping @Sendable () -> Void
    ) {
        (self.id, self.caller, self.kind, self.model) = (id, caller, kind, model)
        (self.created, self.promptTokens) = (created, promptTokens)
        cancellation = cancel
    }

    func cancel() { cancellation() }
}
