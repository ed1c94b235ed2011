import Engine
import Synchronization

/// Hands the engine's events over from its thread to the one task that answers the request.
///
/// Posting takes a lock for a moment and wakes the task when it waits; what gathers while the task is busy it
/// takes all at once. What can gather is bounded by the tokens that the request may generate.
final class EventMailbox: Sendable {
    /// The events of one step, of one prompt.
    struct Group: Sendable {
        var prompt: Int
        var events: [GenerationEvent]
    }

    private struct State {
        var groups: [Group] = []
        /// Not a checked one, which costs an allocation a token: it is resumed where it is taken out.
        var waiter: UnsafeContinuation<[Group], Never>?
    }

    private let state = Mutex(State())

    func post(_ group: Group) {
        let waiter = state.withLock { state -> UnsafeContinuation<[Group], Never>? in
            guard let waiter = state.waiter else {
                state.groups.append(group)
                return nil
            }
            state.waiter = nil
            return waiter
        }
        waiter?.resume(returning: [group])
    }

    /// Everything that has gathered; waits until there is something. Only one task may ask.
    func next() async -> [Group] {
        await withUnsafeContinuation { continuation in
            let ready = state.withLock { state -> [Group]? in
                guard state.groups.isEmpty else {
                    defer { state.groups = [] }
                    return state.groups
                }
                precondition(state.waiter == nil, "a mailbox has one reader")
                state.waiter = continuation
                return nil
            }
            if let ready { continuation.resume(returning: ready) }
        }
    }
}
