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
        var waiter: UnsafeContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func post(_ group: Group) {
        let waiter = state.withLock { state in
            state.groups.append(group)
            return state.waiter.take()
        }
        waiter?.resume()
    }

    /// Everything that has gathered; waits until there is something. Only one task may ask.
    ///
    /// - Parameter groups: Replaced by it. Two arrays take turns, so that a token needs none of its own.
    func next(_ groups: inout [Group]) async {
        groups.removeAll(keepingCapacity: true)
        await withUnsafeContinuation { continuation in
            let isReady = state.withLock { state in
                guard state.groups.isEmpty else { return true }
                precondition(state.waiter == nil, "a mailbox has one reader")
                state.waiter = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
        state.withLock { swap(&$0.groups, &groups) }
    }
}
