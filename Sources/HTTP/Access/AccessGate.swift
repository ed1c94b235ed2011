import Synchronization

/// Where a running server finds its policy, which may be replaced at any time, from any thread. A request is judged by
/// one policy as a whole.
public final class AccessGate: Sendable {
    private let state: Mutex<AccessPolicy>

    public init(_ policy: AccessPolicy = AccessPolicy()) {
        state = Mutex(policy)
    }

    public var policy: AccessPolicy {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}
