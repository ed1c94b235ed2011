import Glibc
import Synchronization

/// An HTTP/1.1 server: one I/O loop, its listener and its connections.
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
        /// A numeric address or a name; `::` listens on IPv6 and IPv4.
        public var host: String
        /// 0 lets the system choose; `address` tells what it chose.
        public var port: UInt16
        public var limits: HTTPLimits

        public init(host: String = "127.0.0.1", port: UInt16 = 8080, limits: HTTPLimits = HTTPLimits()) {
            self.host = host
            self.port = port
            self.limits = limits
        }

        /// For messages.
        var name: String { "\(host):\(port)" }
    }

    private struct Running {
        let context: ServerContext
        let address: String
        let port: UInt16
    }

    private struct State {
        var running: Running?
        var isStopping = false
    }

    public let counters = HTTPCounters()

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
    }

    /// Binds, listens and serves, and returns. May be called once.
    public func start() throws(ListenError) {
        precondition(state.withLock { $0.running == nil }, "a server starts once")
        // A write to a client that is gone is an error of that connection, never a signal.
        signal(SIGPIPE, SIG_IGN)
        let loop: EventLoop
        do throws(SystemError) {
            loop = try EventLoop()
        } catch {
            throw ListenError(address: configuration.name, reason: error.description)
        }
        let context = ServerContext(
            loop: loop, limits: configuration.limits, router: router, counters: counters,
            onRequestEnd: onRequestEnd)
        let listener = try Listener(
            configuration: configuration, loop: loop, counters: counters,
            mayAccept: { context.mayAccept(isWaitedFor: $0) }, accepted: { context.accept($0) })
        if let failure = loop.sync({ context.start(listener) }) {
            throw ListenError(address: configuration.name, reason: failure.description)
        }
        state.withLock {
            $0.running = Running(
                context: context, address: listener.address.text, port: listener.address.port)
        }
    }

    /// Where the server listens: `127.0.0.1:8080`, `[::]:8080`. Nil before `start`.
    public var address: String? { state.withLock { $0.running?.address } }
    /// Nil before `start`.
    public var port: UInt16? { state.withLock { $0.running?.port } }

    /// A stop has begun; a readiness check should fail.
    public var isStopping: Bool { state.withLock { $0.isStopping } }

    /// Stops: no more connections; idle ones are closed, the others after their present response, and what
    /// still runs after `HTTPLimits.drainTimeout` is cut. Without grace everything is cut at once. Returns
    /// when all are closed.
    public func stop(graceful: Bool = true) async {
        let context = state.withLock { state in
            state.isStopping = true
            return state.running?.context
        }
        guard let context else { return }
        await withCheckedContinuation { continuation in
            context.loop.post { context.stop(graceful: graceful) { continuation.resume() } }
        }
    }
}
