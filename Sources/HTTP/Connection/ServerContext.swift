import Glibc

/// What the connections of one server share. Confined to the server's loop.
final class ServerContext: TimerTarget, @unchecked Sendable {
    let loop: EventLoop
    let limits: HTTPLimits
    let router: Router
    let counters: HTTPCounters
    /// nil where connections are not encrypted.
    let tls: TLSCredentials?
    let onRequestEnd: (@Sendable (RequestSummary) -> Void)?
    var requestIDs: RequestIDSource
    var timerSlot: Int?

    private var dates = DateCache()
    private var connections: [ObjectIdentifier: Connection] = [:]
    private var listener: Listener?
    private var closeHandlers: [() -> Void] = []

    init(
        loop: EventLoop, limits: HTTPLimits, router: Router, counters: HTTPCounters, tls: TLSCredentials?,
        onRequestEnd: (@Sendable (RequestSummary) -> Void)?
    ) {
        self.loop = loop
        self.limits = limits
        self.router = router
        self.counters = counters
        self.tls = tls
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
        guard let transport = transport() else {
            counters.acceptFailures.count()
            Glibc.close(fd)
            return
        }
        let connection = Connection(fd, self, transport)
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
        if connections.count >= limits.connectionsMax { listener?.hold(true) }
    }

    /// nil when there is no memory for it.
    private func transport() -> Transport? {
        guard let tls else { return .plain }
        return tls.makeSession().map { .tls($0) }
    }

    func didClose(_ connection: Connection) {
        connections[ObjectIdentifier(connection)] = nil
        counters.connectionsActive.count(-1)
        listener?.hold(connections.count >= limits.connectionsMax)
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

    /// The drain took too long.
    func deadlineReached(now: UInt64) {
        cutAll()
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
