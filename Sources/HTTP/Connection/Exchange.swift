import Synchronization

/// What the handler's side of a response told the loop's side since it was last asked.
struct ResponseOutput: Sendable {
    /// Comes once, first.
    var head: ResponseStart?
    /// Body bytes, unframed.
    var body: [UInt8] = []
    var isFinished = false
    /// The response cannot be completed: the connection is to be cut.
    var isAborted = false
}

/// The head of a response as its handler gave it.
struct ResponseStart: Sendable {
    enum Body: Sendable, Equatable {
        /// All of the body is in the same output.
        case whole
        case stream
        case eventStream
    }

    var status: HTTPStatus
    var headers: HTTPFields
    var body: Body
}

/// Hears what an exchange comes to; called from any thread.
protocol ExchangeOwner: AnyObject, Sendable {
    /// Where output goes out without a change of threads.
    var executor: (any TaskExecutor)? { get }
    func hasOutput(_ exchange: Exchange)
    /// As much waits for the client as should.
    func didBackUp(_ exchange: Exchange)
}

/// One response under way, between its handler (any thread) and its connection (the loop).
///
/// The handler's side appends; the owner is woken once, takes everything that has gathered, and reports how
/// much of it the client has not taken yet. States and who moves them:
///
///     fresh ──start──▶ streaming ──finish──▶ finished        moved by the handler
///       └──────────respond────────────────────▲
///     any but finished ──────────────────────▶ closed        moved by the connection (client gone, cut, drained)
///
/// In `finished` and `closed` everything more is refused.
final class Exchange: Sendable {
    private enum Phase { case fresh, streaming, finished, closed }

    private struct State {
        var phase = Phase.fresh
        var output = ResponseOutput()
        /// The owner was told and has not taken yet.
        var isAnnounced = false
        var isEventStream = false
        /// Packs what is written.
        var deflater: Deflater?
        /// Bytes that the connection took and the client did not.
        var heldBytes = 0
        var isBackedUp = false
        var closeHandlers: [@Sendable () -> Void] = []
        var drainHandlers: [@Sendable () -> Void] = []
        /// To be called once.
        var flowHandlers: [@Sendable () -> Void] = []

        mutating func takeFlowHandlers() -> [@Sendable () -> Void] {
            defer { flowHandlers = [] }
            return flowHandlers
        }
    }

    private let state = Mutex(State())
    private let owner: any ExchangeOwner
    private let highWaterBytes: Int
    private let lowWaterBytes: Int
    private let compression: ResponseCompression

    init(
        owner: any ExchangeOwner, highWaterBytes: Int, lowWaterBytes: Int,
        compression: ResponseCompression = .none
    ) {
        self.owner = owner
        self.highWaterBytes = highWaterBytes
        self.lowWaterBytes = lowWaterBytes
        self.compression = compression
    }

    // MARK: - The handler's side

    var executor: (any TaskExecutor)? { owner.executor }

    func respond(_ response: HTTPResponse) -> Bool {
        // Before the lock, which the loop takes too.
        let response = compression.apply(response)
        return change { state in
            guard state.phase == .fresh else { return false }
            state.output.head = ResponseStart(
                status: response.status, headers: response.headers, body: .whole)
            state.output.body = response.body
            state.output.isFinished = true
            state.phase = .finished
            return true
        }
    }

    func start(_ start: ResponseStart) -> Bool {
        change { state in
            guard state.phase == .fresh else { return false }
            var start = start
            state.deflater = compression.begin(&start)
            state.output.head = start
            state.isEventStream = start.body == .eventStream
            state.phase = .streaming
            return true
        }
    }

    /// `append` writes body bytes behind those that wait.
    func write(_ append: (inout [UInt8]) -> Void) -> Bool {
        var backsUp = false
        let isDone = change { state in
            guard state.phase == .streaming else { return false }
            if let deflater = state.deflater {
                var plain: [UInt8] = []
                append(&plain)
                deflater.append(plain, .sync, to: &state.output.body)
            } else {
                append(&state.output.body)
            }
            if !state.isBackedUp, state.heldBytes + state.output.body.count >= highWaterBytes {
                state.isBackedUp = true
                backsUp = true
            }
            return true
        }
        if backsUp { owner.didBackUp(self) }
        return isDone
    }

    func finish() -> Bool {
        change { state in
            guard state.phase == .streaming else { return false }
            state.deflater?.append([], .finish, to: &state.output.body)
            state.deflater = nil
            state.output.isFinished = true
            state.phase = .finished
            return true
        }
    }

    func abort() {
        _ = change { state in
            guard state.phase == .fresh || state.phase == .streaming else { return false }
            state.output.isAborted = true
            state.phase = .finished
            return true
        }
    }

    /// Nobody can answer any more: 500 when nothing was said, a cut when a stream was left open.
    func writerWasDropped() {
        let error = ErrorBody(message: "The handler ended without an answer.", type: "server_error")
        if !respond(.error(error, status: .internalServerError)) { abort() }
    }

    var isBackedUp: Bool { state.withLock { $0.isBackedUp } }
    var isClosed: Bool { state.withLock { $0.phase == .closed } }

    func onClose(_ handler: @escaping @Sendable () -> Void) {
        let isLate = state.withLock { state in
            if state.phase == .fresh || state.phase == .streaming { state.closeHandlers.append(handler) }
            return state.phase == .closed
        }
        if isLate { handler() }
    }

    func onDrain(_ handler: @escaping @Sendable () -> Void) {
        state.withLock { state in
            if state.phase == .fresh || state.phase == .streaming { state.drainHandlers.append(handler) }
        }
    }

    func onceFlowing(_ handler: @escaping @Sendable () -> Void) {
        let mustWait = state.withLock { state in
            let mustWait = state.phase == .streaming && state.isBackedUp
            if mustWait { state.flowHandlers.append(handler) }
            return mustWait
        }
        if !mustWait { handler() }
    }

    private func change(_ body: (inout State) -> Bool) -> Bool {
        let (isDone, mustAnnounce) = state.withLock { state in
            guard body(&state) else { return (false, false) }
            defer { state.isAnnounced = true }
            return (true, !state.isAnnounced)
        }
        if mustAnnounce { owner.hasOutput(self) }
        return isDone
    }

    // MARK: - The connection's side

    /// - Parameter memory: An empty array, which the next body bytes go into.
    func takeOutput(leaving memory: [UInt8] = []) -> ResponseOutput {
        let (output, handlers) = state.withLock { state -> (ResponseOutput, [@Sendable () -> Void]) in
            state.isAnnounced = false
            defer { state.output = ResponseOutput(body: memory) }
            // From here on the response cannot fail to be complete but by the connection.
            guard state.phase == .finished, state.output.isFinished || state.output.isAborted else {
                return (state.output, [])
            }
            state.closeHandlers = []
            state.drainHandlers = []
            return (state.output, state.takeFlowHandlers())
        }
        for handler in handlers { handler() }
        return output
    }

    /// The connection still holds so many bytes of this response.
    func report(heldBytes: Int) {
        let handlers = state.withLock { state -> [@Sendable () -> Void] in
            state.heldBytes = heldBytes
            guard state.isBackedUp, heldBytes + state.output.body.count < lowWaterBytes else { return [] }
            state.isBackedUp = false
            return state.drainHandlers + state.takeFlowHandlers()
        }
        for handler in handlers { handler() }
    }

    /// The response can no longer reach the client.
    func close() {
        let handlers = state.withLock { state -> [@Sendable () -> Void] in
            guard state.phase != .closed else { return [] }
            state.phase = .closed
            state.output = ResponseOutput()
            state.drainHandlers = []
            defer { state.closeHandlers = [] }
            return state.closeHandlers + state.takeFlowHandlers()
        }
        for handler in handlers { handler() }
    }
}
