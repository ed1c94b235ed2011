import CLinux

/// One client: moves bytes between its socket, the machine and the handlers, and keeps the clock.
///
/// Everything but what an `ExchangeOwner` has is confined to the loop. What is written during a turn of the loop leaves in
/// one send at the end of it.
final class Connection: EventHandler, TimerTarget, TurnEndHandler, ExchangeOwner, @unchecked Sendable {
    var timerSlot: Int?

    let context: ServerContext
    var socket: ConnectionSocket
    /// Beyond `HTTPLimits.connectionsMax`: for one request, which is answered on the loop.
    let isReserve: Bool
    var machine: ConnectionMachine
    var current: CurrentRequest?
    private var isClosed = false

    // What epoll was told.
    private var interest: UInt32 = 0
    private var sawHalfClose = false
    private var isTurnEndDue = false
    /// The response that runs has output, written on the loop.
    private var isOutputDue = false
    /// Requests wait for the next turn, or for room in `outbound`.
    private var isHeldBack = false

    var clock: ConnectionClock
    /// What the loop was told.
    private var armedDeadline: UInt64?

    var loop: EventLoop { context.loop }
    var limits: HTTPLimits { context.limits }

    init(
        _ fd: Int32, _ context: ServerContext, _ listener: ListenerDescription, _ transport: Transport,
        isReserve: Bool = false
    ) {
        self.isReserve = isReserve
        self.context = context
        socket = ConnectionSocket(fd, context, listener, transport)
        machine = ConnectionMachine(
            limits: context.limits, inflatesBodies: context.compression.requests)
        clock = ConnectionClock(
            times: context.times, isHandshaking: socket.isHandshaking, now: context.loop.now)
    }

    func start() throws(SystemError) {
        interest = apus_epoll_in
        try loop.add(socket.fd, interest, self)
        updateTimer()
    }

    // MARK: - From the socket

    func ready(_ events: UInt32) {
        loop.assertIsCurrent()
        if isClosed { return }
        if events & apus_epoll_err != 0 { return vanish() }
        if events & apus_epoll_in != 0 { receive() }
        if isClosed { return }
        if events & apus_epoll_hup != 0 { return vanish() }
        if events & apus_epoll_rdhup != 0, machine.inputCapacity == 0, !sawHalfClose { meetEnd() }
        if isClosed { return }
        if events & apus_epoll_out != 0 {
            socket.canSend()
            needTurnEnd()
        }
        updateInterest()
    }

    private func receive() {
        let capacity = min(machine.inputCapacity, loop.scratch.count)
        guard capacity > 0 else { return }
        let input = socket.receive(loop.scratch, max: capacity)
        if let handshake = input.handshake {
            needTurnEnd()
            if handshake == .done { clock.handshakeEnded(loop.now) }
        }
        if input.count > 0 {
            take(UnsafeRawBufferPointer(rebasing: loop.scratch[..<input.count]))
            if isClosed { return }
        }
        if let end = input.end { meet(end) }
    }

    private func meet(_ end: ConnectionSocket.End) {
        switch end {
        case .orderly: takeEnd()
        case .truncated:
            // Between requests many clients save themselves the close_notify; inside of one something is missing.
            switch machine.phase {
            case .idle, .closing, .lingering: takeEnd()
            case .head, .body, .serving, .closed: vanish()
            }
        case .plainHTTP:
            guard machine.phase == .idle else { return close() }
            _ = machine.refuse(.plainHTTP)
            refuse(.plainHTTP)
        // The end is like that of a refused request.
        case .refused: machine.giveUp()
        case .broken:
            send()
            vanish()
        case .lost: vanish()
        }
        needTurnEnd()
    }

    private func takeEnd() {
        machine.receiveEnd()
        meetEnd()
        if !isClosed { pump() }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        if machine.phase == .idle { clock.requestBegan(loop.now) }
        machine.receive(bytes.bindMemory(to: UInt8.self).span)
        if machine.phase == .body {
            clock.bodyCame(bytes: machine.bodyBytesReceived + bytes.count, loop.now)
        }
        pump()
    }

    private func meetEnd() {
        sawHalfClose = true
        guard machine.phase == .serving else { return }
        if clock.endMeansGone(loop.now) { return vanish(.halfCloseGrace) }
        clock.halfClosed(loop.now)
        needTurnEnd()
    }

    // MARK: - Requests

    /// Does what the machine says, within one connection's share of a turn.
    private func pump() {
        var requests = 0
        let wasHeldBack = isHeldBack
        isHeldBack = false
        while !isClosed {
            if machine.unparsedBytes > 0, let limit = reachedLimit(requests) {
                if limit == .requestsPerTurn || !wasHeldBack { context.counters.count(limit) }
                isHeldBack = true
                break
            }
            guard let action = machine.next() else { break }
            switch action {
            case .head(let head): route(head)
            case .sendContinue: sendContinue()
            case .request(let body):
                requests += 1
                serve(body)
            case .refuse(let error): refuse(error)
            case .close(let limit):
                if let limit { context.counters.count(limit) }
                return close()
            }
        }
        needTurnEnd()
    }

    private func sendContinue() {
        socket.outbound.bytes.append(contentsOf: "HTTP/1.1 100 Continue\r\n\r\n".utf8)
    }

    /// Why this connection has to wait, after so many requests of this turn.
    private func reachedLimit(_ requests: Int) -> HTTPLimit? {
        if requests >= limits.requestsPerTurnMax { return .requestsPerTurn }
        return socket.waitingBytes >= limits.outboundHighWaterBytes ? .outboundHighWater : nil
    }

    func refuse(_ error: WireError) {
        context.counters.count(error)
        answer(error.response)
    }

    // MARK: - Responses

    /// A whole response, known on the loop.
    func answer(_ response: HTTPResponse) {
        if current == nil {
            current = CurrentRequest(
                startedAt: clock.firstByteAt, id: context.requestIDs.id(offered: nil), peer: socket.peer.name)
        }
        begin(
            ResponseStart(status: response.status, headers: response.headers, body: .whole),
            bodyBytes: response.body.count)
        write(response.body)
        end()
    }

    var executor: (any TaskExecutor)? { loop }

    /// From any thread.
    func hasOutput(_ exchange: Exchange) {
        if loop.isCurrent {
            isOutputDue = true
            needTurnEnd()
        } else {
            loop.post { [self] in deliver(exchange) }
        }
    }

    func didBackUp(_ exchange: Exchange) { context.counters.count(.outboundHighWater) }

    private func deliver(_ exchange: Exchange) {
        guard !isClosed, current?.exchange === exchange else { return }
        var output = exchange.takeOutput(leaving: context.takeSpareMemory())
        defer { context.keep(&output.body) }
        if let head = output.head { begin(head, bodyBytes: head.body == .whole ? output.body.count : nil) }
        if !output.body.isEmpty { write(output.body) }
        if output.isAborted {
            // The client may still see how far the response got.
            send()
            return close()
        }
        if output.isFinished {
            end()
            pump()
        } else if socket.waitingBytes > limits.outboundBytesMax {
            context.counters.slowClients.count()
            return vanish(.outboundBytes)
        }
        needTurnEnd()
    }

    private func begin(_ start: ResponseStart, bodyBytes: Int?) {
        current?.status = start.status
        current?.isEventStream = start.body == .eventStream
        clock.wrote(isFirst: socket.waitingBytes == 0, loop.now)
        var start = start
        if let fields = current?.crossOrigin, !fields.isEmpty { start.headers.merge(fields) }
        machine.begin(
            start, bodyBytes: bodyBytes, date: context.date(), requestID: current?.id ?? "",
            into: &socket.outbound.bytes)
    }

    private func write(_ bytes: [UInt8]) {
        clock.wrote(isFirst: socket.waitingBytes == 0, loop.now)
        machine.write(bytes, into: &socket.outbound.bytes)
        current?.bodyBytes += bytes.count
    }

    private func end() {
        machine.end(into: &socket.outbound.bytes)
        clock.responseEnded(loop.now)
        endCurrent(isComplete: true)
    }

    private func endCurrent(isComplete: Bool) {
        guard let ended = current else { return }
        current = nil
        if ended.isServed { context.counters.requestsActive.count(-1) }
        if !isComplete { ended.exchange?.close() }
        context.didEnd(ended, isComplete: isComplete)
    }

    // MARK: - To the socket

    private func needTurnEnd() {
        guard !isClosed, !isTurnEndDue else { return }
        isTurnEndDue = true
        loop.atTurnEnd(self)
    }

    func turnEnds() {
        if isOutputDue {
            isOutputDue = false
            if let exchange = current?.exchange { deliver(exchange) }
        }
        isTurnEndDue = false
        // Of a request that waited behind that response.
        if isOutputDue { needTurnEnd() }
        if isClosed { return }
        send()
        if isClosed { return }
        current?.exchange?.report(heldBytes: socket.waitingBytes)
        if socket.waitingBytes == 0, machine.phase == .closing { lingerOrClose() }
        if isClosed { return }
        if isHeldBack, socket.waitingBytes < limits.outboundHighWaterBytes { pump() }
        if isClosed { return }
        // The socket does not tell of what was received from it already.
        if socket.hasInput { receive() }
        if isClosed { return }
        updateInterest()
        updateTimer()
    }

    private func send() {
        // What the connection ends with leaves in one packet with the end, which follows at once.
        guard let isSent = socket.send(isLast: machine.phase == .closing) else { return vanish() }
        if isSent { clock.clientTook(loop.now) }
    }

    private func lingerOrClose() {
        if socket.sayGoodbye() {
            send()
            if isClosed || socket.waitingBytes > 0 { return }
        }
        machine.didSendAll()
        if machine.phase == .closed { return close() }
        socket.shutDown()
        pump()
    }

    private func updateInterest() {
        var wanted: UInt32 = socket.isBlocked ? apus_epoll_out : 0
        if machine.inputCapacity > 0 {
            wanted |= apus_epoll_in
        } else if !sawHalfClose {
            // Not reading, but still to hear when the client goes.
            wanted |= apus_epoll_rdhup
            if machine.isFull, interest & apus_epoll_in != 0 { context.counters.count(.pipelinedBytes) }
        }
        guard wanted != interest else { return }
        interest = wanted
        loop.modify(socket.fd, wanted)
    }

    // MARK: - Time

    private func updateTimer() {
        clock.isIn(machine.phase, loop.now)
        let deadline = clock.deadline(isWaiting: socket.waitingBytes > 0, isEventStream: isStreamingEvents)
        // A timer that comes too early is set again then; most deadlines are never reached.
        guard deadline < armedDeadline ?? .max else { return }
        armedDeadline = deadline
        loop.setTimer(self, deadline)
    }

    func deadlineReached(now: UInt64) {
        armedDeadline = nil
        if isClosed { return }
        switch clock.due(isWaiting: socket.waitingBytes > 0, isEventStream: isStreamingEvents, now) {
        case .phase(let limit): endPhase(limit)
        case .write:
            context.counters.slowClients.count()
            return vanish(.writeStallTimeout)
        case .ping: ping()
        case .halfClose: askWhetherGone()
        // The deadline has moved away since; that is how nearly all timers end.
        case nil: return updateTimer()
        }
        needTurnEnd()
    }

    /// By way of the exchange: a packed stream has one place where bytes enter it.
    private func ping() { _ = current?.exchange?.write { $0.append(contentsOf: ServerSentEvent.ping) } }

    /// A client that closes its socket and one that says with a half-close that its request was the last look the same,
    /// until something is written: then the first one's kernel answers with a reset. The interim response that says the
    /// least is one that clients have to take, asked for or not (RFC 9110 §15.2).
    private func askWhetherGone() {
        clock.askedHalfClosed()
        if isStreamingEvents {
            ping()
        } else if current?.status == nil, current?.head?.version == .http11 {
            sendContinue()
        }
    }

    private var isStreamingEvents: Bool { current?.isEventStream ?? false }

    private func endPhase(_ limit: HTTPLimit? = nil) {
        if let limit { context.counters.count(limit) }
        switch machine.timeOut() {
        case .refuse(let error):
            context.counters.timeouts.count()
            refuse(error)
        case .close:
            if socket.isHandshaking { socket.handshakeTimedOut() }
            close()
        case .head, .sendContinue, .request, nil: break
        }
    }

    // MARK: - The end

    /// The server stops gracefully.
    func drain() {
        // A request that is here already came in time.
        if machine.phase == .idle { receive() }
        if isClosed { return }
        clock.drainBegan(loop.now)
        if machine.drain(isAllSent: socket.waitingBytes == 0) != nil { close() }
        needTurnEnd()
    }

    /// The server stops now. Who waits for a response is told, as far as the socket takes it.
    func cut() {
        if isClosed { return }
        let error = ErrorBody(
            message: "The server is stopping.", type: "server_error", code: "server_stopping")
        if let current, machine.phase == .serving {
            if let exchange = current.exchange, current.isEventStream {
                let isOpen = exchange.write {
                    ServerSentEvent.append(event: nil, data: error.encoded, to: &$0)
                }
                if isOpen { write(exchange.takeOutput().body) }
            }
            current.exchange?.close()
            if current.status == nil {
                answer(.error(error, status: .serviceUnavailable, headers: ["Retry-After": "1"]))
            }
            send()
        }
        close()
    }

    /// See `ConnectionClock.evictionAge`.
    var evictionAge: UInt64? {
        clock.evictionAge(
            machine.phase, isWaiting: socket.waitingBytes > 0, bodyBytes: machine.bodyBytesReceived, loop.now)
    }

    /// Another needs the place. Who was slow with a request is told so, as far as the socket takes it.
    func evict() {
        if isClosed { return }
        context.counters.connectionsEvicted.count()
        if machine.phase == .head || machine.phase == .body {
            endPhase()
            send()
        }
        close()
    }

    /// The client is gone, or as good as gone: it ran into a limit.
    private func vanish(_ limit: HTTPLimit? = nil) {
        if let limit { context.counters.count(limit) }
        if current != nil { context.counters.clientsVanished.count() }
        close()
    }

    private func close() {
        guard !isClosed else { return }
        isClosed = true
        loop.setTimer(self, nil)
        loop.remove(socket.fd)
        socket.close(isComplete: current == nil)
        endCurrent(isComplete: false)
        context.didClose(self)
    }
}
