import CLinux
import Glibc

/// One client's socket: moves bytes between it, the machine and the handlers, and keeps the clock.
///
/// Everything but `hasOutput` is confined to the loop. What is written during a turn of the loop leaves in
/// one send at the end of it.
final class Connection: EventHandler, TimerTarget, TurnEndHandler, ExchangeOwner, @unchecked Sendable {
    /// The request under way, from its first byte to the end of its response.
    private struct Current {
        var startedAt: UInt64
        var id: String
        /// Whose request it is.
        var peer: String
        var head: RequestHead?
        var match: Router.Match?
        var exchange: Exchange?
        var status: HTTPStatus?
        var isEventStream = false
        var bodyBytes = 0
        /// Counted as active.
        var isServed = false
    }

    var timerSlot: Int?

    private let fd: Int32
    private let context: ServerContext
    private let listener: ListenerDescription
    private var peer: ConnectionPeer
    /// Nil when no PROXY header is due, or no more.
    private var gate: ProxyGate?
    private var machine: ConnectionMachine
    private var outbound = OutboundBuffer()
    private var current: Current?
    private var isClosed = false

    // What epoll was told.
    private var interest: UInt32 = 0
    private var isWriteBlocked = false
    private var sawHalfClose = false
    private var isTurnEndDue = false
    /// Requests wait for the next turn, or for room in `outbound`.
    private var isHeldBack = false

    private var clock: ConnectionClock
    /// What the loop was told.
    private var armedDeadline: UInt64?

    private var loop: EventLoop { context.loop }
    private var limits: HTTPLimits { context.limits }

    init(_ fd: Int32, _ context: ServerContext, _ listener: ListenerDescription) {
        self.fd = fd
        self.context = context
        self.listener = listener
        peer = ConnectionPeer(of: fd, isUnix: listener.isUnix)
        gate = listener.requiresProxy ? ProxyGate(limits: context.limits) : nil
        machine = ConnectionMachine(limits: context.limits)
        clock = ConnectionClock(times: context.times, now: context.loop.now)
    }

    func start() throws(SystemError) {
        interest = apus_epoll_in
        try loop.add(fd, interest, self)
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
            isWriteBlocked = false
            needTurnEnd()
        }
        updateInterest()
    }

    private func receive() {
        let capacity = min(gate?.capacity ?? machine.inputCapacity, loop.scratch.count)
        guard capacity > 0 else { return }
        let count = recv(fd, loop.scratch.baseAddress, capacity, 0)
        if count > 0 {
            context.counters.bytesReceived.count(count)
            let bytes = UnsafeRawBufferPointer(rebasing: loop.scratch[..<count])
            if gate == nil { take(bytes) } else { passGate(bytes) }
        } else if count == 0 {
            machine.receiveEnd()
            meetEnd()
            if !isClosed { pump() }
        } else if errno != EAGAIN && errno != EINTR {
            vanish()
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        if machine.phase == .idle { clock.requestBegan(loop.now) }
        machine.receive(bytes.bindMemory(to: UInt8.self).span)
        if machine.phase == .body {
            clock.bodyCame(bytes: machine.bodyBytesReceived + bytes.count, loop.now)
        }
        pump()
    }

    private func passGate(_ bytes: UnsafeRawBufferPointer) {
        switch gate?.receive(bytes) {
        case .open(let client, let rest):
            gate = nil
            if let client { peer = ConnectionPeer(client) }
            if !rest.isEmpty { rest.withUnsafeBytes { take($0) } }
        case .refuse:
            context.counters.proxyHeadersRefused.count()
            close()
        case .wait, nil: break
        }
    }

    private func meetEnd() {
        sawHalfClose = true
        if machine.phase == .serving, clock.endMeansGone(loop.now) { vanish() }
    }

    // MARK: - Requests

    /// Does what the machine says, within one connection's share of a turn.
    private func pump() {
        var requests = 0
        isHeldBack = false
        while !isClosed {
            guard requests < limits.requestsPerTurnMax, outbound.count < limits.outboundHighWaterBytes else {
                isHeldBack = true
                break
            }
            guard let action = machine.next() else { break }
            switch action {
            case .head(let head): route(head)
            case .sendContinue: outbound.bytes.append(contentsOf: "HTTP/1.1 100 Continue\r\n\r\n".utf8)
            case .request(let body):
                requests += 1
                serve(body)
            case .refuse(let error): refuse(error)
            case .close: return close()
            }
        }
        needTurnEnd()
    }

    private func route(_ head: RequestHead) {
        let match = context.router.match(head.method, head.path)
        let id = context.requestIDs.id(offered: head.fields.bytes(of: "x-request-id"))
        let client = peer.client(of: head.fields, trusted: context.trustedProxies)
        current = Current(startedAt: clock.firstByteAt, id: id, peer: client, head: head, match: match)
        clock.headEnded(loop.now)
        do throws(WireError) {
            switch match {
            case .route(let route, _):
                try machine.accept(bodyBytesMax: route.bodyBytesMax ?? limits.bodyBytesMax)
            case .answer(let response):
                if try machine.refuseBody() { answer(response) }
            }
        } catch {
            refuse(error)
        }
    }

    private func serve(_ body: [UInt8]) {
        context.counters.requests.count()
        context.counters.requestsActive.count()
        current?.isServed = true
        clock.servingBegan(loop.now)
        switch current?.match {
        case .answer(let response): answer(response)
        case .route(let route, let parameters):
            guard let request = request(body, parameters) else { return }
            switch route.handler {
            case .immediate(let handler): answer(handler(request))
            case .task(let handler): startTask(request, handler)
            }
        case nil: preconditionFailure("a request without a head")
        }
    }

    private func request(_ body: [UInt8], _ parameters: [String: String]) -> HTTPRequest? {
        guard let current, let head = current.head else { return nil }
        return HTTPRequest(
            method: head.method, path: head.path, query: head.query, headers: head.fields, body: body,
            id: current.id, peer: current.peer, parameters: parameters)
    }

    private func startTask(
        _ request: HTTPRequest, _ handler: @escaping @Sendable (HTTPRequest, ResponseWriter) async -> Void
    ) {
        let exchange = Exchange(
            owner: self, highWaterBytes: limits.outboundHighWaterBytes,
            lowWaterBytes: limits.outboundLowWaterBytes)
        current?.exchange = exchange
        let writer = ResponseWriter(exchange)
        Task { await handler(request, writer) }
    }

    private func refuse(_ error: WireError) {
        context.counters.count(error.fault)
        answer(error.response)
    }

    // MARK: - Responses

    /// A whole response, known on the loop.
    private func answer(_ response: HTTPResponse) {
        if current == nil {
            current = Current(
                startedAt: clock.firstByteAt, id: context.requestIDs.id(offered: nil), peer: peer.name)
        }
        begin(
            ResponseStart(status: response.status, headers: response.headers, body: .whole),
            bodyBytes: response.body.count)
        write(response.body)
        end()
    }

    /// From any thread.
    func hasOutput(_ exchange: Exchange) {
        loop.post { [self] in deliver(exchange) }
    }

    private func deliver(_ exchange: Exchange) {
        guard !isClosed, current?.exchange === exchange else { return }
        let output = exchange.takeOutput()
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
        } else if outbound.count > limits.outboundBytesMax {
            context.counters.slowClients.count()
            return vanish()
        }
        needTurnEnd()
    }

    private func begin(_ start: ResponseStart, bodyBytes: Int?) {
        current?.status = start.status
        current?.isEventStream = start.body == .eventStream
        clock.wrote(isFirst: outbound.isEmpty, loop.now)
        machine.begin(
            start, bodyBytes: bodyBytes, date: context.date(), requestID: current?.id ?? "",
            into: &outbound.bytes)
    }

    private func write(_ bytes: [UInt8]) {
        clock.wrote(isFirst: outbound.isEmpty, loop.now)
        machine.write(bytes, into: &outbound.bytes)
        current?.bodyBytes += bytes.count
    }

    private func end() {
        machine.end(into: &outbound.bytes)
        clock.responseEnded(loop.now)
        endCurrent(isComplete: true)
    }

    private func endCurrent(isComplete: Bool) {
        guard let ended = current else { return }
        current = nil
        if ended.isServed { context.counters.requestsActive.count(-1) }
        if !isComplete { ended.exchange?.close() }
        count(ended)
        context.onRequestEnd?(
            RequestSummary(
                id: ended.id, peer: ended.peer, method: ended.head?.method, path: ended.head?.path ?? "",
                status: ended.status,
                bodyBytes: ended.bodyBytes, durationNanoseconds: loop.now - ended.startedAt,
                isComplete: isComplete))
    }

    private func count(_ ended: Current) {
        guard case .route(let route, _) = ended.match else {
            return context.counters.unrouted.count(ended.status)
        }
        route.counts.count(ended.status)
    }

    // MARK: - To the socket

    private func needTurnEnd() {
        guard !isClosed, !isTurnEndDue else { return }
        isTurnEndDue = true
        loop.atTurnEnd(self)
    }

    func turnEnds() {
        isTurnEndDue = false
        if isClosed { return }
        send()
        if isClosed { return }
        current?.exchange?.report(heldBytes: outbound.count)
        if outbound.isEmpty, machine.phase == .closing { lingerOrClose() }
        if isClosed { return }
        if isHeldBack, outbound.count < limits.outboundHighWaterBytes { pump() }
        if isClosed { return }
        updateInterest()
        updateTimer()
    }

    private func send() {
        while !outbound.isEmpty, !isWriteBlocked {
            // What the connection ends with leaves in one packet with the end, which follows at once.
            let flags = Int32(MSG_NOSIGNAL) | (machine.phase == .closing ? Int32(MSG_MORE) : 0)
            let count = outbound.withWaiting { Glibc.send(fd, $0.baseAddress, $0.count, flags) }
            if count > 0 {
                context.counters.bytesSent.count(count)
                outbound.drop(count)
                clock.clientTook(loop.now)
            } else if errno == EAGAIN {
                isWriteBlocked = true
            } else if errno != EINTR {
                return vanish()
            }
        }
    }

    private func lingerOrClose() {
        machine.didSendAll()
        if machine.phase == .closed { return close() }
        shutdown(fd, Int32(SHUT_WR))
        pump()
    }

    private func updateInterest() {
        var wanted: UInt32 = isWriteBlocked ? apus_epoll_out : 0
        if machine.inputCapacity > 0 {
            wanted |= apus_epoll_in
        } else if !sawHalfClose {
            // Not reading, but still to hear when the client goes.
            wanted |= apus_epoll_rdhup
        }
        guard wanted != interest else { return }
        interest = wanted
        loop.modify(fd, wanted)
    }

    // MARK: - Time

    private func updateTimer() {
        clock.isIn(machine.phase, loop.now)
        let deadline = clock.deadline(isWaiting: !outbound.isEmpty, isEventStream: isStreamingEvents)
        // A timer that comes too early is set again then; most deadlines are never reached.
        guard deadline < armedDeadline ?? .max else { return }
        armedDeadline = deadline
        loop.setTimer(self, deadline)
    }

    func deadlineReached(now: UInt64) {
        armedDeadline = nil
        if isClosed { return }
        switch clock.due(isWaiting: !outbound.isEmpty, isEventStream: isStreamingEvents, now) {
        case .phase: endPhase()
        case .write:
            context.counters.slowClients.count()
            return vanish()
        case .ping: write(ServerSentEvent.ping)
        case nil: break
        }
        needTurnEnd()
    }

    private var isStreamingEvents: Bool { current?.isEventStream ?? false }

    private func endPhase() {
        switch machine.timeOut() {
        case .refuse(let error):
            context.counters.timeouts.count()
            refuse(error)
        case .close: close()
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
        if machine.drain(isAllSent: outbound.isEmpty) != nil { close() }
        needTurnEnd()
    }

    /// The server stops now. Who waits for a response is told, as far as the socket takes it.
    func cut() {
        if isClosed { return }
        let error = ErrorBody(
            message: "The server is stopping.", type: "server_error", code: "server_stopping")
        if let current, machine.phase == .serving {
            current.exchange?.close()
            if current.status == nil {
                answer(.error(error, status: .serviceUnavailable, headers: ["Retry-After": "1"]))
            } else if current.isEventStream {
                var event: [UInt8] = []
                ServerSentEvent.append(event: nil, data: error.encoded, to: &event)
                write(event)
            }
            send()
        }
        close()
    }

    /// See `ConnectionClock.evictionAge`.
    var evictionAge: UInt64? {
        clock.evictionAge(
            machine.phase, isWaiting: !outbound.isEmpty, bodyBytes: machine.bodyBytesReceived, loop.now)
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

    /// The client is gone, or as good as gone.
    private func vanish() {
        if current != nil { context.counters.clientsVanished.count() }
        close()
    }

    private func close() {
        guard !isClosed else { return }
        isClosed = true
        loop.setTimer(self, nil)
        loop.remove(fd)
        Glibc.close(fd)
        outbound = OutboundBuffer()
        endCurrent(isComplete: false)
        context.didClose(self)
    }
}
