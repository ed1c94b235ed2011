/// The answer to one request. Safe to use from any thread; nothing here blocks.
///
/// Either one whole response (`respond`), or a stream: `beginStream` or `beginEventStream`, then `write` or
/// `writeEvent`, then `finish`. What is written is posted to the connection's I/O loop, and what gathers
/// before the loop comes round leaves in one send. A handler may return before the response ended, as long as
/// someone keeps the writer: when the last reference goes without an answer the client gets a 500, and a
/// stream left open is cut.
///
/// Every call returns false, and does nothing, when it comes too late: a second head, a write after the end,
/// or a client that is gone.
public final class ResponseWriter: Sendable {
    private let exchange: Exchange

    init(_ exchange: Exchange) {
        self.exchange = exchange
    }

    deinit { exchange.writerWasDropped() }

    // MARK: - One whole response

    @discardableResult
    public func respond(_ response: HTTPResponse) -> Bool {
        exchange.respond(response)
    }

    @discardableResult
    public func respond(status: HTTPStatus, headers: HTTPFields = [:], body: [UInt8] = []) -> Bool {
        exchange.respond(HTTPResponse(status: status, headers: headers, body: body))
    }

    // MARK: - A stream

    /// Sends the head. The body is chunked, or ends with the connection when the client speaks HTTP/1.0.
    @discardableResult
    public func beginStream(status: HTTPStatus = .ok, headers: HTTPFields = [:]) -> Bool {
        exchange.start(ResponseStart(status: status, headers: headers, body: .stream))
    }

    /// Sends the head of a stream of server-sent events. From then on a comment goes out whenever nothing was
    /// written for `HTTPLimits.eventStreamPingInterval`.
    @discardableResult
    public func beginEventStream(status: HTTPStatus = .ok, headers: HTTPFields = [:]) -> Bool {
        var headers = headers
        headers.set("Content-Type", "text/event-stream")
        headers.set("Cache-Control", "no-cache")
        headers.set("X-Accel-Buffering", "no")
        return exchange.start(ResponseStart(status: status, headers: headers, body: .eventStream))
    }

    /// Adds body bytes. On an event stream these must be whole events.
    @discardableResult
    public func write(_ bytes: [UInt8]) -> Bool {
        exchange.write { $0.append(contentsOf: bytes) }
    }

    /// Adds one server-sent event. `data` may have several lines.
    @discardableResult
    public func writeEvent(_ event: String? = nil, data: [UInt8]) -> Bool {
        exchange.write { ServerSentEvent.append(event: event, data: data, to: &$0) }
    }

    /// Ends a stream.
    @discardableResult
    public func finish() -> Bool {
        exchange.finish()
    }

    /// Cuts the connection: the client sees that the answer is not complete.
    public func abort() {
        exchange.abort()
    }

    /// The connection's I/O loop, for the part of a task that writes little pieces often: each then costs neither a
    /// change of threads nor a wake-up. Every client of the loop waits while a task computes there, so it must be a
    /// matter of microseconds.
    public var executor: (any TaskExecutor)? { exchange.executor }

    // MARK: - The client's side

    /// More than `HTTPLimits.outboundHighWaterBytes` wait for the client: hold back until `onDrain`.
    public var isBackedUp: Bool { exchange.isBackedUp }

    /// Returns once the stream is not backed up, at once when it isn't or when nothing more can be written.
    public func waitUntilFlowing() async {
        await withCheckedContinuation { continuation in
            exchange.onceFlowing { continuation.resume() }
        }
    }

    /// Called on the I/O loop each time the backlog of this stream has gone; it must return at once.
    public func onDrain(_ handler: @escaping @Sendable () -> Void) {
        exchange.onDrain(handler)
    }

    /// The client vanished, or the connection was cut, before the response ended.
    public var isClosed: Bool { exchange.isClosed }

    /// Called once when the client vanishes, or the connection is cut, before the response ended; at once
    /// when that has happened already; never after a response that was sent. It runs on the I/O loop (or in
    /// this call) and must return at once.
    public func onClose(_ handler: @escaping @Sendable () -> Void) {
        exchange.onClose(handler)
    }
}
