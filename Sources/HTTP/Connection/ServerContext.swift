import Glibc

/// What the connections of one server share. Confined to the server's loop.
final class ServerContext: TimerTarget, @unchecked Sendable {
    let loop: EventLoop
    let limits: HTTPLimits
    let times: ConnectionTimes
    let router: Router
    let counters: HTTPCounters
    let onRequestEnd: (@Sendable (RequestSummary) -> Void)?
    var requestIDs: RequestIDSource
    var timerSlot: Int?

    private var dates = DateCache()
    private var connections: [ObjectIdentifier: Connection] = [:]
    private var listener: Listener?
    private var closeHandlers: [() -> Void] = []

    init(
        loop: EventLoop, limits: HTTPLimits, router: Router, counters: HTTPCounters,
        onRequestEnd: (@Sendable (RequestSummary) -> Void)?
    ) {
        self.loop = loop
        self.limits = limits
        times = ConnectionTimes(limits)
        self.router = router
        self.counters = counters
        self.onRequestEnd = onRequestEnd
        requestIDs = RequestIDSource(bytesMax: limits.requestIDBytesMax)
    }

    /// The Date of responses that begin now.
    func date() -> [UInt8] {
        dates.text(at: time(nil))
    }

    // MARK: - Connections

    /// - Returns: Why it failed.
    func start(_ listener: Listener) -> SystemError? {
        self.listener = listener
        do throws(SystemError) {
            try listener.start()
            return nil
        } catch {
            listener.close()
            return error
        }
    }

    func accept(_ fd: Int32) {
        let connection = Connection(fd, self)
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
    }

    /// Whether there is a place for one more. When all are taken and somebody waits, those who have kept theirs the
    /// longest for nothing lose them: clients that open connections and are slow with their requests would otherwise
    /// keep all others out. If there are none of these, nobody is accepted for a while.
    func mayAccept(isWaitedFor: Bool) -> Bool {
        if connections.count < limits.connectionsMax { return true }
        guard isWaitedFor else { return false }
        makeRoom()
        if connections.count < limits.connectionsMax { return true }
        listener?.hold(true)
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
        listener?.hold(false)
        endIfAllClosed()
    }

    // MARK: - Stopping

    /// - Parameter onAllClosed: Called once, on the loop.
    func stop(graceful: Bool, onAllClosed: @escaping () -> Void) {
        closeHandlers.append(onAllClosed)
        listener?.close()
        listener = nil
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
            listener?.hold(false)
        } else {
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
