import Synchronization

/// What the server counted since it started. Written by the I/O loop, read by anyone.
public final class HTTPCounters: Sendable {
    public struct Snapshot: Sendable, Equatable {
        public var connectionsAccepted = 0
        public var connectionsActive = 0
        public var acceptFailures = 0
        /// Closed because another needed the place.
        public var connectionsEvicted = 0
        /// Connections closed because their PROXY header was missing, malformed or too long.
        public var proxyHeadersRefused = 0
        public var requests = 0
        public var requestsActive = 0
        public var timeouts = 0
        public var slowClients = 0
        public var clientsVanished = 0
        public var bytesReceived = 0
        public var bytesSent = 0
        /// nil for a server without TLS.
        public var tls: TLSCredentials.Counts?
        /// Requests refused by the wire and by the access policy, by the reason's name.
        public var refusals: [String: Int] = [:]
        /// How often each limit was reached, by its name; those that never were are 0.
        public var limitsReached: [String: Int] = [:]
    }

    let connectionsAccepted = Atomic(0)
    let connectionsActive = Atomic(0)
    let acceptFailures = Atomic(0)
    let connectionsEvicted = Atomic(0)
    let proxyHeadersRefused = Atomic(0)
    let requests = Atomic(0)
    let requestsActive = Atomic(0)
    let timeouts = Atomic(0)
    let slowClients = Atomic(0)
    let clientsVanished = Atomic(0)
    let bytesReceived = Atomic(0)
    let bytesSent = Atomic(0)
    private let tls: TLSCredentials?
    /// Requests that no route took.
    let unrouted = RouteCounts()
    private let refusals = Mutex<[String: Int]>([:])
    /// By the limit's raw value.
    private let limitsReached = HTTPLimit.allCases.map { _ in Counter() }

    private final class Counter: Sendable {
        let value = Atomic(0)
    }

    init(tls: TLSCredentials? = nil) {
        self.tls = tls
    }

    func count(_ refusal: AccessRefusal) { count(refusal: refusal.rawValue) }

    private func count(refusal: String) {
        refusals.withLock { $0[refusal, default: 0] += 1 }
    }

    func count(_ error: WireError) {
        count(refusal: error.fault.rawValue)
        if let limit = error.limit { count(limit) }
    }

    func count(_ limit: HTTPLimit) { limitsReached[limit.rawValue].value.count() }

    public var snapshot: Snapshot {
        var snapshot = Snapshot()
        snapshot.connectionsAccepted = connectionsAccepted.load(ordering: .relaxed)
        snapshot.connectionsActive = connectionsActive.load(ordering: .relaxed)
        snapshot.acceptFailures = acceptFailures.load(ordering: .relaxed)
        snapshot.connectionsEvicted = connectionsEvicted.load(ordering: .relaxed)
        snapshot.proxyHeadersRefused = proxyHeadersRefused.load(ordering: .relaxed)
        snapshot.requests = requests.load(ordering: .relaxed)
        snapshot.requestsActive = requestsActive.load(ordering: .relaxed)
        snapshot.timeouts = timeouts.load(ordering: .relaxed)
        snapshot.slowClients = slowClients.load(ordering: .relaxed)
        snapshot.clientsVanished = clientsVanished.load(ordering: .relaxed)
        snapshot.bytesReceived = bytesReceived.load(ordering: .relaxed)
        snapshot.bytesSent = bytesSent.load(ordering: .relaxed)
        snapshot.tls = tls?.counts
        snapshot.refusals = refusals.withLock { $0 }
        for limit in HTTPLimit.allCases {
            let counter = limitsReached[limit.rawValue]
            snapshot.limitsReached[limit.name] = counter.value.load(ordering: .relaxed)
        }
        return snapshot
    }
}

extension Atomic where Value == Int {
    func count(_ amount: Int = 1) {
        wrappingAdd(amount, ordering: .relaxed)
    }
}
