import Glibc
import Synchronization

/// An HTTP/1.1 server: one I/O loop, its listeners and its connections.
///
///     var router = Router()
///     router.immediate(.get, "/health") { _ in .json(Array(#"{"status":"ok"}"#.utf8)) }
///     router.on(.post, "/echo") { request, writer in writer.respond(status: .ok, body: request.body) }
///     let server = HTTPServer(configuration: .init(port: 8080), router: router)
///     try server.start()
///     …
///     await server.stop()
///
/// A server that was started must be stopped before it is let go.
public final class HTTPServer: Sendable {
    public struct Configuration: Sendable {
        /// In the order in which they are told; not empty.
        public var listeners: [ListenerConfiguration]
        public var limits: HTTPLimits
        /// Needed when a listener uses TLS.
        public var tls: TLSCredentials?
        /// Whose `Forwarded` and `X-Forwarded-For` tell who the client is.
        public var trustedProxies = TrustedProxies()
        /// The path of a unix socket at which a server takes over the listeners of the one before it, and gives them to
        /// the next (`HandOver`).
        public var handOverPath: String?
        public var compression = CompressionPolicy()
        /// Everybody may use it, unless told otherwise.
        public var access = AccessGate()
        /// Hears why no connection can be accepted (out of descriptors, out of memory), at most once a minute; called
        /// on the I/O loop, must return at once.
        public var onAcceptFailure: (@Sendable (String) -> Void)?

        public init(listeners: [ListenerConfiguration], limits: HTTPLimits = HTTPLimits()) {
            self.listeners = listeners
            self.limits = limits
        }

        /// - Parameters:
        ///   - host: A numeric address or a name; `::` listens on IPv6 and IPv4.
        ///   - port: 0 lets the system choose; `address` tells what it chose.
        public init(host: String = "127.0.0.1", port: UInt16 = 8080, limits: HTTPLimits = HTTPLimits()) {
            self.init(listeners: [ListenerConfiguration(.ip(host: host, port: port))], limits: limits)
        }

        /// For messages.
        var name: String { listeners.map(\.name).joined(separator: ", ") }
    }

    private struct Running {
        let context: ServerContext
        let listeners: [ListenerDescription]
    }

    private struct State {
        var running: Running?
        var isStopping = false
        var onHandedOver: (@Sendable () -> Void)?
    }

    public let counters: HTTPCounters

    private let configuration: Configuration
    let router: Router
    private let onRequestEnd: (@Sendable (RequestSummary) -> Void)?
    private let state = Mutex(State())

    /// - Parameter onRequestEnd: For the access log; called on the I/O loop, must return at once.
    public init(
        configuration: Configuration, router: Router,
        onRequestEnd: (@Sendable (RequestSummary) -> Void)? = nil
    ) {
        self.configuration = configuration
        self.router = router
        self.onRequestEnd = onRequestEnd
        counters = HTTPCounters(tls: configuration.tls)
    }

    /// Binds, listens and serves, and returns. May be called once.
    ///
    /// - Parameter isReady: False when requests cannot be served yet: then connections of listeners that are shared
    ///   with other processes wait for `becomeReady`, because another one may be able to serve them.
    public func start(isReady: Bool = true) throws(ListenError) {
        precondition(state.withLock { $0.running == nil }, "a server starts once")
        precondition(
            configuration.tls != nil || !configuration.listeners.contains { $0.usesTLS },
            "a listener that uses TLS needs certificates")
        // A write to a client that is gone is an error of that connection, never a signal.
        signal(SIGPIPE, SIG_IGN)
        let loop: EventLoop
        do throws(SystemError) {
            loop = try EventLoop()
        } catch {
            throw ListenError(address: configuration.name, reason: error.description)
        }
        let context = ServerContext(
            loop: loop, configuration: configuration, router: router, counters: counters,
            onRequestEnd: onRequestEnd)
        var taker: HandOverTaker?
        if let path = configuration.handOverPath { taker = try HandOverTaker.ask(path) }
        let listeners = try bind(context, taker)
        if let failure = loop.sync({ context.start(listeners, taking: taker) }) {
            throw ListenError(address: configuration.name, reason: failure.description)
        }
        configuration.tls?.watch()
        state.withLock {
            $0.running = Running(context: context, listeners: listeners.map(\.description))
        }
        if isReady { try becomeReady() }
    }

    /// All of them, or none.
    private func bind(_ context: ServerContext, _ taker: HandOverTaker?) throws(ListenError) -> [Listener] {
        var listeners: [Listener] = []
        do throws(ListenError) {
            for listener in taker?.resolve(configuration.listeners) ?? configuration.listeners {
                listeners.append(
                    try Listener(
                        listener, limits: configuration.limits, loop: context.loop, counters: counters,
                        mayAccept: { context.mayAccept(isWaitedFor: $0) },
                        accepted: { fd, description in context.accept(fd, from: description) },
                        onAcceptFailure: configuration.onAcceptFailure))
            }
            return listeners
        } catch {
            for listener in listeners { listener.close(keepsFile: listener.isTakenOver) }
            throw error
        }
    }

    /// Accepts from all listeners. The server that these were taken over from takes no more connections then.
    public func becomeReady() throws(ListenError) {
        guard let context = state.withLock({ $0.running?.context }) else { return }
        let path = configuration.handOverPath
        let failure = context.loop.sync { () -> ListenError? in
            do throws(ListenError) {
                try context.becomeReady(handOverPath: path) { [weak self] in self?.wasHandedOver() }
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    /// Called on the I/O loop when another process has taken the listeners over; the server is to be stopped then.
    public func onHandedOver(_ handler: @escaping @Sendable () -> Void) {
        state.withLock { $0.onHandedOver = handler }
    }

    private func wasHandedOver() {
        state.withLock({ $0.onHandedOver })?()
    }

    /// Calls `beat` now and then again and again, on the I/O loop, as long as that turns. Once, after `start`.
    public func startHeartbeat(every interval: Duration, _ beat: @escaping @Sendable () -> Void) {
        guard let context = state.withLock({ $0.running?.context }) else { return }
        // Posted: a timer that is set between two turns of the loop is seen at the end of the next.
        context.loop.post { context.startHeartbeat(every: interval, beat) }
    }

    /// Where the server listens, in the order of its configuration. Empty before `start`.
    public var listeners: [ListenerDescription] { state.withLock { $0.running?.listeners ?? [] } }
    /// Of the first listener: `127.0.0.1:8080`, `[::]:8080`, `unix:/run/apus.sock`. Nil before `start`.
    public var address: String? { listeners.first?.name }
    /// Of the first listener that has one. Nil before `start`.
    public var port: UInt16? { listeners.lazy.compactMap(\.port).first }

    /// A stop has begun; a readiness check should fail.
    public var isStopping: Bool { state.withLock { $0.isStopping } }

    /// Reads certificates and keys again, for connections to come. Blocks.
    ///
    /// - Returns: What there is now, for the log.
    /// - Throws: Why the new ones cannot be used; the old ones stay.
    public func reloadCertificates() throws(TLSError) -> String {
        guard let tls = configuration.tls else { return "no certificates" }
        return try tls.reload()
    }

    /// Stops: no more connections; idle ones are closed, the others after their present response, and what
    /// still runs after `HTTPLimits.drainTimeout` is cut. Without grace everything is cut at once. Returns
    /// when all are closed.
    public func stop(graceful: Bool = true) async {
        let context = state.withLock { state in
            state.isStopping = true
            return state.running?.context
        }
        guard let context else { return }
        configuration.tls?.stopWatching()
        await withCheckedContinuation { continuation in
            context.loop.post { context.stop(graceful: graceful) { continuation.resume() } }
        }
    }
}
