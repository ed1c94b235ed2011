/// An HTTP/1.1 server: one I/O loop, its listener and its connections.
///
///     var router = Router()
///     router.immediate(.get, "/health") { _ in .json(Array(#"{"status":"ok"}"#.utf8)) }
///     router.on(.post, "/echo") { request, writer in writer.respond(status: .ok, body: request.body) }
///     let server = HTTPServer(configuration: .init(port: 8080), router: router)
///     try server.start()
///     …
///     await server.stop()
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
    }

    public let counters = HTTPCounters()

    /// - Parameter onRequestEnd: For the access log; called on the I/O loop, must return at once.
    public init(
        configuration: Configuration, router: Router,
        onRequestEnd: (@Sendable (RequestSummary) -> Void)? = nil
    ) {
    }

    /// Binds, listens and serves, and returns. May be called once.
    public func start() throws(ListenError) {
        throw ListenError(address: "", reason: "the event loop follows")
    }

    /// Where the server listens: `127.0.0.1:8080`, `[::]:8080`. Nil before `start`.
    public var address: String? { nil }
    /// Nil before `start`.
    public var port: UInt16? { nil }

    /// A stop has begun; a readiness check should fail.
    public var isStopping: Bool { false }

    /// Stops: no more connections; idle ones are closed, the others after their present response, and what still runs
    /// after `HTTPLimits.drainTimeout` is cut. Without grace everything is cut at once. Returns when all are closed.
    public func stop(graceful: Bool = true) async {}
}
