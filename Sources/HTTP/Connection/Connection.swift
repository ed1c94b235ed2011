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
        /// Whose key came with it.
        var client: String?
        /// What the answer says to pages of other origins.
        var crossOrigin: HTTPFields = [:]
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
    private var transport: Transport
    private var isHandshaking: Bool
    /// Beyond `HTTPLimits.connectionsMax`: for one request, which is answered on the loop.
    private let isReserve: Bool
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

    init(
        _ fd: Int32, _ context: ServerContext, _ listener: ListenerDescription, _ transport: Transport,
        isReserve: Bool = false
    ) {
        self.isReserve = isReserve
        self.fd = fd
        self.context = context
        self.listener = listener
        self.transport = transport
        isHandshaking = listener.usesTLS
        peer = ConnectionPeer(of: fd, isUnix: listener.isUnix)
        gate = listener.requiresProxy ? ProxyGate(limits: context.limits) : nil
        machine = ConnectionMachine(
            limits: context.limits, inflatesBodies: context.compression.requests)
        clock = ConnectionClock(times: context.times, isHandshaking: isHandshaking, now: context.loop.now)
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
        if gate != nil { return receiveProxyHeader() }
        let capacity = min(machine.inputCapacity, loop.scratch.count)
        guard capacity > 0 else { return }
        let input = transport.receive(fd, loop.scratch, max: capacity)
        if isHandshaking { shakeHands() }
        if input.count > 0 {
            context.counters.bytesReceived.count(input.count)
            take(UnsafeRawBufferPointer(rebasing: loop.scratch[..<input.count]))
            if isClosed { return }
        }
        switch input.end {
        case nil: break
        case .orderly: takeEnd()
        case .lost: vanish()
        case .tls(let failure): sessionFailed(failure)
        }
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

    /// It stands before everything else, a TLS handshake too.
    private func receiveProxyHeader() {
        let count = recv(fd, loop.scratch.baseAddress, min(gate?.capacity ?? 0, loop.scratch.count), 0)
        guard count > 0 else {
            if count == 0 || (errno != EAGAIN && errno != EINTR) { vanish() }
            return
        }
        context.counters.bytesReceived.count(count)
        switch gate?.receive(UnsafeRawBufferPointer(rebasing: loop.scratch[..<count])) {
        case .open(let client, let rest):
            gate = nil
            if let client { peer = ConnectionPeer(client) }
            rest.withUnsafeBytes { passOn($0) }
        case .refuse:
            context.counters.proxyHeadersRefused.count()
            close()
        case .wait, nil: break
        }
    }

    /// What came behind a PROXY header.
    private func passOn(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        switch transport {
        case .plain: take(bytes)
        case .tls(let session):
            session.receive(bytes)
            receive()
        }
    }

    private func meetEnd() {
        sawHalfClose = true
        if machine.phase == .serving, clock.endMeansGone(loop.now) { vanish(.halfCloseGrace) }
    }

    // MARK: - TLS

    /// The handshake took a step.
    private func shakeHands() {
        needTurnEnd()
        guard case .tls(let session) = transport, session.isOpen else { return }
        isHandshaking = false
        clock.handshakeEnded(loop.now)
        context.tls?.handshakeEnded()
    }

    private func sessionFailed(_ failure: TLSFailure) {
        context.tls?.failed(failure, peer: peer.name)
        switch failure {
        case .plainHTTP:
            guard machine.phase == .idle else { return close() }
            becomePlain()
            _ = machine.refuse(.plainHTTP)
            refuse(.plainHTTP)
        case .handshake:
            // The alert is to reach the client, so the end is like that of a refused request.
            becomePlain()
            machine.giveUp()
        case .unfinishedHandshake: close()
        case .truncated:
            // Between requests many clients save themselves the close_notify; inside of one something is missing.
            switch machine.phase {
            case .idle, .closing, .lingering: takeEnd()
            case .head, .body, .serving, .closed: vanish()
            }
        case .record:
            send()
            vanish()
        }
        needTurnEnd()
    }

    /// What is to be sent and received from here on is not encrypted.
    private func becomePlain() {
        guard case .tls(let session) = transport else { return }
        session.withOutput { outbound.bytes.append(contentsOf: $0) }
        transport = .plain
        isHandshaking = false
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
            case .sendContinue: outbound.bytes.append(contentsOf: "HTTP/1.1 100 Continue\r\n\r\n".utf8)
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

    /// Why this connection has to wait, after so many requests of this turn.
    private func reachedLimit(_ requests: Int) -> HTTPLimit? {
        if requests >= limits.requestsPerTurnMax { return .requestsPerTurn }
        return waitingBytes >= limits.outboundHighWaterBytes ? .outboundHighWater : nil
    }

    private func route(_ head: RequestHead) {
        let offered = head.fields.bytes(of: "x-request-id")
        if context.requestIDs.isTooLong(offered) { context.counters.count(.requestIDBytes) }
        let id = context.requestIDs.id(offered: offered)
        let client = peer.client(of: head.fields, trusted: context.trustedProxies)
        var current = Current(startedAt: clock.firstByteAt, id: id, peer: client, head: head)
        let refusal = admit(head, &current)
        self.current = current
        clock.headEnded(loop.now)
        if isReserve { _ = machine.drain(isAllSent: false) }
        do throws(WireError) {
            switch current.match {
            case .route(let route, _):
                try machine.accept(bodyBytesMax: route.bodyBytesMax ?? limits.bodyBytesMax)
            case .answer(let response):
                let isDue = try machine.refuseBody(atOnce: refusal != nil, closing: refusal?.closes ?? false)
                if isDue { answer(response) }
            case nil: break
            }
        } catch {
            refuse(error)
        }
    }

    /// Who is not admitted gets to no route.
    ///
    /// - Returns: Why not.
    private func admit(_ head: RequestHead, _ current: inout Current) -> AccessRefusal? {
        let policy = context.access.policy
        switch policy.verdict(head) {
        case .answered(let response):
            current.match = .answer(response)
            return nil
        case .admitted(let client):
            current.client = client
            current.match = context.match(head, isReserve: isReserve)
            current.crossOrigin = policy.origins.fields(for: head.fields.bytes(of: "origin"))
            return nil
        case .refused(let refusal):
            context.counters.count(refusal)
            current.match = .answer(refusal.response)
            current.crossOrigin = policy.origins.fields(for: head.fields.bytes(of: "origin"))
            return refusal
        }
    }

    private func serve(_ body: [UInt8]) {
        context.counters.requests.count()
        context.counters.requestsActive.count()
        if machine.requests == limits.requestsPerConnectionMax {
            context.counters.count(.requestsPerConnection)
        }
        current?.isServed = true
        clock.servingBegan(loop.now)
        switch current?.match {
        case .answer(let response): answer(response)
        case .route(let route, let parameters):
            guard let request = request(body, parameters) else { return }
            switch route.handler {
            case .immediate(let handler):
                let response = handler(request)
                answer(compression.apply(response, bytesMax: limits.compressedOnLoopBytesMax))
            case .task(let handler): startTask(request, handler)
            }
        case nil: preconditionFailure("a request without a head")
        }
    }

    private func request(_ body: [UInt8], _ parameters: [String: String]) -> HTTPRequest? {
        guard let current, let head = current.head else { return nil }
        return HTTPRequest(
            method: head.method, path: head.path, query: head.query, headers: head.fields, body: body,
            id: current.id, peer: current.peer, client: current.client, parameters: parameters,
            clientSubject: transport.clientSubject)
    }

    /// Of the present response.
    private var compression: ResponseCompression {
        guard let head = current?.head else { return .none }
        return ResponseCompression(head, context.compression, limits)
    }

    private func startTask(
        _ request: HTTPRequest, _ handler: @escaping @Sendable (HTTPRequest, ResponseWriter) async -> Void
    ) {
        let exchange = Exchange(
            owner: self, highWaterBytes: limits.outboundHighWaterBytes,
            lowWaterBytes: limits.outboundLowWaterBytes, compression: compression)
        current?.exchange = exchange
        let writer = ResponseWriter(exchange)
        Task { await handler(request, writer) }
    }

    private func refuse(_ error: WireError) {
        context.counters.count(error)
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

    func didBackUp(_ exchange: Exchange) { context.counters.count(.outboundHighWater) }

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
        } else if waitingBytes > limits.outboundBytesMax {
            context.counters.slowClients.count()
            return vanish(.outboundBytes)
        }
        needTurnEnd()
    }

    private func begin(_ start: ResponseStart, bodyBytes: Int?) {
        current?.status = start.status
        current?.isEventStream = start.body == .eventStream
        clock.wrote(isFirst: waitingBytes == 0, loop.now)
        var start = start
        if let fields = current?.crossOrigin, !fields.isEmpty { start.headers.merge(fields) }
        machine.begin(
            start, bodyBytes: bodyBytes, date: context.date(), requestID: current?.id ?? "",
            into: &outbound.bytes)
    }

    private func write(_ bytes: [UInt8]) {
        clock.wrote(isFirst: waitingBytes == 0, loop.now)
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
                id: ended.id, peer: ended.peer, client: ended.client, method: ended.head?.method,
                path: ended.head?.path ?? "",
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
        current?.exchange?.report(heldBytes: waitingBytes)
        if waitingBytes == 0, machine.phase == .closing { lingerOrClose() }
        if isClosed { return }
        if isHeldBack, waitingBytes < limits.outboundHighWaterBytes { pump() }
        if isClosed { return }
        // The socket does not tell of what was received from it already.
        if transport.hasInput { receive() }
        if isClosed { return }
        updateInterest()
        updateTimer()
    }

    /// Bytes that the socket has not taken.
    private var waitingBytes: Int { outbound.count + transport.waitingBytes }

    private func send() {
        while waitingBytes > 0, !isWriteBlocked {
            // What the connection ends with leaves in one packet with the end, which follows at once.
            switch transport.send(fd, &outbound, isLast: machine.phase == .closing) {
            case .sent(let count):
                context.counters.bytesSent.count(count)
                clock.clientTook(loop.now)
            case .blocked: isWriteBlocked = true
            case .lost: return vanish()
            }
        }
    }

    private func lingerOrClose() {
        if transport.close() {
            send()
            if isClosed || waitingBytes > 0 { return }
        }
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
            if machine.isFull, interest & apus_epoll_in != 0 { context.counters.count(.pipelinedBytes) }
        }
        guard wanted != interest else { return }
        interest = wanted
        loop.modify(fd, wanted)
    }

    // MARK: - Time

    private func updateTimer() {
        clock.isIn(machine.phase, loop.now)
        let deadline = clock.deadline(isWaiting: waitingBytes > 0, isEventStream: isStreamingEvents)
        // A timer that comes too early is set again then; most deadlines are never reached.
        guard deadline < armedDeadline ?? .max else { return }
        armedDeadline = deadline
        loop.setTimer(self, deadline)
    }

    func deadlineReached(now: UInt64) {
        armedDeadline = nil
        if isClosed { return }
        switch clock.due(isWaiting: waitingBytes > 0, isEventStream: isStreamingEvents, now) {
        case .phase(let limit): endPhase(limit)
        case .write:
            context.counters.slowClients.count()
            return vanish(.writeStallTimeout)
        // By way of the exchange: a packed stream has one place where bytes enter it.
        case .ping: _ = current?.exchange?.write { $0.append(contentsOf: ServerSentEvent.ping) }
        // The deadline has moved away since; that is how nearly all timers end.
        case nil: return updateTimer()
        }
        needTurnEnd()
    }

    private var isStreamingEvents: Bool { current?.isEventStream ?? false }

    private func endPhase(_ limit: HTTPLimit? = nil) {
        if let limit { context.counters.count(limit) }
        switch machine.timeOut() {
        case .refuse(let error):
            context.counters.timeouts.count()
            refuse(error)
        case .close:
            if isHandshaking {
                context.counters.timeouts.count()
                context.tls?.failed(.unfinishedHandshake, peer: peer.name)
            }
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
        if machine.drain(isAllSent: waitingBytes == 0) != nil { close() }
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
            machine.phase, isWaiting: waitingBytes > 0, bodyBytes: machine.bodyBytesReceived, loop.now)
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
        // A client must be able to tell an end from a cut.
        if current == nil, waitingBytes == 0, transport.close() {
            _ = transport.send(fd, &outbound, isLast: true)
        }
        loop.setTimer(self, nil)
        loop.remove(fd)
        Glibc.close(fd)
        outbound = OutboundBuffer()
        endCurrent(isComplete: false)
        context.didClose(self)
    }
}
