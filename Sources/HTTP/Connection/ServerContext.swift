import Glibc

/// What the connections of one server share. Confined to the server's loop.
final class ServerContext: TimerTarget, @unchecked Sendable {
    let loop: EventLoop
    let limits: HTTPLimits
    let times: ConnectionTimes
    let compression: CompressionPolicy
    let access: AccessGate
    let router: Router
    let trustedProxies: TrustedProxies
    let counters: HTTPCounters
    /// There when a listener uses TLS.
    let tls: TLSCredentials?
    let onRequestEnd: (@Sendable (RequestSummary) -> Void)?
    var requestIDs: RequestIDSource
    var timerSlot: Int?

    private var dates = DateCache()
    /// Bodies of streams take turns in it, so that a token needs no allocation for its own.
    private var spareMemory: [UInt8] = []
    private var connections: [ObjectIdentifier: Connection] = [:]
    private var listeners: [Listener] = []
    private var handOverServer: HandOverServer?
    /// Until we serve.
    private var taker: HandOverTaker?
    private var heartbeat: Heartbeat?
    private var closeHandlers: [() -> Void] = []

    init(
        loop: EventLoop, configuration: HTTPServer.Configuration, router: Router, counters: HTTPCounters,
        onRequestEnd: (@Sendable (RequestSummary) -> Void)?
    ) {
        self.loop = loop
        limits = configuration.limits
        times = ConnectionTimes(configuration.limits)
        compression = configuration.compression
        access = configuration.access
        self.router = router
        trustedProxies = configuration.trustedProxies
        self.counters = counters
        tls = configuration.tls
        self.onRequestEnd = onRequestEnd
        requestIDs = RequestIDSource(bytesMax: limits.requestIDBytesMax)
    }

    /// The Date of responses that begin now.
    func date() -> [UInt8] {
        dates.text(at: time(nil))
    }

    /// An empty array, which may have room.
    func takeSpareMemory() -> [UInt8] {
        defer { spareMemory = [] }
        return spareMemory
    }

    /// Takes the memory of what is not needed any more.
    func keep(_ memory: inout [UInt8]) {
        guard memory.capacity <= OutboundBuffer.keptCapacityMax else { return }
        swap(&memory, &spareMemory)
        spareMemory.removeAll(keepingCapacity: true)
    }

    // MARK: - Listeners

    /// Accepts from those listeners that nobody else has; after a failure from none.
    ///
    /// - Parameter taking: What a hand-over gave.
    /// - Returns: Why it failed.
    func start(_ listeners: [Listener], taking taker: HandOverTaker?) -> SystemError? {
        self.listeners = listeners
        self.taker = taker
        return startListeners { !$0.isShared }
    }

    /// Accepts from all listeners, and lets the next process ask for them.
    func becomeReady(handOverPath: String?, handedOver: @escaping () -> Void) throws(ListenError) {
        let names = listeners.map(\.name).joined(separator: ", ")
        if let failure = startListeners(where: { _ in true }) {
            throw ListenError(address: names, reason: failure.description)
        }
        guard let handOverPath else { return }
        let server = try HandOverServer(
            handOverPath, inherited: taker?.giveServer(), loop: loop,
            sockets: { [unowned self] in self.listeners.map { ($0.name, $0.fd) } },
            handedOver: { [unowned self] in
                self.closeListeners()
                handedOver()
            })
        handOverServer = server
        do throws(SystemError) {
            try server.start()
        } catch {
            throw ListenError(address: handOverPath, reason: error.description)
        }
        taker?.confirm()
        taker = nil
    }

    private func startListeners(where isWanted: (Listener) -> Bool) -> SystemError? {
        do throws(SystemError) {
            for listener in listeners where isWanted(listener) { try listener.start() }
            return nil
        } catch {
            closeListeners()
            return error
        }
    }

    private func closeListeners() {
        let isGiven = handOverServer?.isUnderWay ?? false
        let isUnconfirmed = taker != nil
        for listener in listeners {
            listener.close(keepsFile: isGiven || (isUnconfirmed && listener.isTakenOver))
        }
        listeners = []
        // The server that gave them learns from the end of the connection that we gave up.
        taker = nil
        handOverServer?.close()
        handOverServer = nil
    }

    /// Calls `beat` on the loop as long as it turns.
    func startHeartbeat(every interval: Duration, _ beat: @escaping @Sendable () -> Void) {
        let heartbeat = Heartbeat(loop, every: interval, beat)
        self.heartbeat = heartbeat
        heartbeat.deadlineReached(now: loop.now)
    }

    // MARK: - Connections

    func accept(_ fd: Int32, from listener: ListenerDescription) {
        guard let transport = transport(listener) else {
            counters.acceptFailures.count()
            Glibc.close(fd)
            return
        }
        let isReserve = connections.count >= limits.connectionsMax
        let connection = Connection(fd, self, listener, transport, isReserve: isReserve)
        do throws(SystemError) {
            try connection.start()
        } catch {
            counters.acceptFailures.count()
            Glibc.close(fd)
            return
        }
        connections[ObjectIdentifier(connection)] = connection
        counters.connectionsAccepted.count()
        counters.connectionsActive.count()
        if isReserve { counters.count(.connections) }
    }

    /// nil when there is no memory for it.
    private func transport(_ listener: ListenerDescription) -> Transport? {
        listener.usesTLS ? tls?.makeSession().map { .tls($0) } : .plain
    }

    /// Whether there is a place for one more. When all are taken and somebody waits, those who have kept theirs the
    /// longest for nothing lose them: clients that open connections and are slow with their requests would otherwise
    /// keep all others out. If there are none of these, there is the reserve; when that is used up too, nobody is
    /// accepted for a while.
    func mayAccept(isWaitedFor: Bool) -> Bool {
        if connections.count < limits.connectionsMax { return true }
        guard isWaitedFor else { return false }
        makeRoom()
        if connections.count < limits.connectionsMax + limits.connectionsReserve { return true }
        counters.count(.connectionsReserve)
        hold(true)
        loop.setTimer(self, loop.now + times.eviction)
        return false
    }

    /// Some go together, because finding them takes a look at all.
    private func makeRoom() {
        let useless = connections.values.compactMap { connection in
            connection.evictionAge.map { (age: $0, connection: connection) }
        }
        let count = max(1, limits.connectionsMax / 32)
        for (_, connection) in useless.sorted(by: { $0.age > $1.age }).prefix(count) { connection.evict() }
    }

    func didClose(_ connection: Connection) {
        connections[ObjectIdentifier(connection)] = nil
        counters.connectionsActive.count(-1)
        hold(false)
        endIfAllClosed()
    }

    private func hold(_ isHeld: Bool) {
        for listener in listeners { listener.hold(isHeld) }
    }

    // MARK: - Requests

    /// Who is not admitted gets to no route.
    ///
    /// - Parameter isReserve: The connection is one of the reserve.
    /// - Returns: Why not.
    func admit(_ head: RequestHead, _ current: CurrentRequest, isReserve: Bool) -> AccessRefusal? {
        let policy = access.policy
        switch policy.verdict(head) {
        case .answered(let response):
            current.match = .answer(response)
            return nil
        case .admitted(let client):
            current.client = client
            current.match = match(head, isReserve: isReserve)
            current.crossOrigin = policy.origins.fields(for: head.fields.bytes(of: "origin"))
            return nil
        case .refused(let refusal):
            counters.count(refusal)
            current.match = .answer(refusal.response)
            current.crossOrigin = policy.origins.fields(for: head.fields.bytes(of: "origin"))
            return refusal
        }
    }

    /// What answers a request of that head. A connection of the reserve gets what the loop itself can say, health and
    /// metrics among it, and no place for work.
    private func match(_ head: RequestHead, isReserve: Bool) -> Router.Match {
        let match = router.match(head)
        guard isReserve, case .route(let route, _) = match, case .task = route.handler else { return match }
        let error = ErrorBody(
            message: "The server has as many connections as it may have; try again.", type: "server_error",
            code: "too_many_connections")
        return .answer(.error(error, status: .serviceUnavailable, headers: ["Retry-After": "1"]))
    }

    /// Counts a request that was answered, or whose client went.
    func didEnd(_ request: CurrentRequest, isComplete: Bool) {
        if case .route(let route, _) = request.match {
            route.counts.count(request.status)
        } else {
            counters.unrouted.count(request.status)
        }
        onRequestEnd?(request.summary(now: loop.now, isComplete: isComplete))
    }

    // MARK: - Stopping

    /// - Parameter onAllClosed: Called once, on the loop.
    func stop(graceful: Bool, onAllClosed: @escaping () -> Void) {
        closeHandlers.append(onAllClosed)
        if graceful {
            for listener in listeners where !listener.outlivesProcess { listener.takeWaiting() }
        }
        closeListeners()
        if graceful {
            for connection in Array(connections.values) { connection.drain() }
            loop.setTimer(self, loop.now + limits.drainTimeout.nanoseconds)
        } else {
            cutAll()
        }
        endIfAllClosed()
    }

    /// The drain took too long; or all places were taken and nobody could be sent away, and now somebody may.
    func deadlineReached(now: UInt64) {
        if closeHandlers.isEmpty {
            hold(false)
        } else {
            counters.count(.drainTimeout)
            cutAll()
        }
    }

    private func cutAll() {
        for connection in Array(connections.values) { connection.cut() }
    }

    private func endIfAllClosed() {
        guard connections.isEmpty, !closeHandlers.isEmpty else { return }
        loop.setTimer(self, nil)
        let handlers = closeHandlers
        closeHandlers = []
        for handler in handlers { handler() }
    }
}
