/// The life of one connection, without its socket, clock or loop: bytes in, actions out, response bytes
/// appended to a buffer of the caller.
///
/// Phases, and what leads on:
///
///     idle        nothing of a next request was seen        first byte ──▶ head
///     head        a head is coming                          its end ──▶ body, with `.head`
///     body        a body is coming, or its decision         its end ──▶ serving, with `.request`
///     serving     a handler has the request                 end of the response ──▶ idle, or closing
///     closing     nothing more is served; bytes may wait    all is sent ──▶ lingering, or closed
///     lingering   our side is shut; input is dropped        end of input, timeout, too much ──▶ closed
///     closed
///
/// A refused request goes from head or body to serving, with `.refuse`, and then to closing. An end of input
/// leads from idle, head and body to closing.
struct ConnectionMachine {
    enum Phase: Equatable { case idle, head, body, serving, closing, lingering, closed }

    enum Action: Equatable {
        /// A head is complete: `accept` or `refuseAfterBody` must follow before anything else.
        case head(RequestHead)
        /// The client waits for 100 before it sends its body.
        case sendContinue
        /// The request is complete: it must be answered.
        case request(body: [UInt8])
        /// The request is refused: it must be answered with this error.
        case refuse(WireError)
        /// All is over, at once; because of a limit, when there is one.
        case close(HTTPLimit?)
    }

    private(set) var phase = Phase.idle
    /// The input has ended.
    private(set) var sawEnd = false
    /// Body bytes of the present request, dropped ones included.
    private(set) var bodyBytesReceived = 0

    private let limits: HTTPLimits
    private let inflatesBodies: Bool
    private var parser: RequestParser
    /// Received and not parsed yet, from `consumed` on.
    private var inbound: [UInt8] = []
    private var consumed = 0
    private var head: RequestHead?
    private var body: [UInt8] = []
    private var dropsBody = false
    /// Unpacks the present body.
    private var inflater: Inflater?
    private var owesContinue = false
    private var mustClose = false
    /// Requests that were complete, the present one included.
    private(set) var requests = 0
    private var lingeredBytes = 0
    /// How the present response's body is framed; nil before its head.
    private var framing: ResponseHead.Framing?

    /// - Parameter inflatesBodies: Packed bodies are unpacked, and otherwise refused.
    init(limits: HTTPLimits, inflatesBodies: Bool = true) {
        self.limits = limits
        self.inflatesBodies = inflatesBodies
        parser = RequestParser(limits: limits)
    }

    /// Of a packed body, so that unpacking takes little of a turn of the loop.
    private static let packedBytesPerTurn = 16_384

    // MARK: - Input

    var unparsedBytes: Int { inbound.count - consumed }

    /// As much of later requests is held as may be.
    var isFull: Bool {
        switch phase {
        case .idle, .head, .body, .serving: !sawEnd && unparsedBytes >= limits.pipelinedBytesMax
        case .closing, .lingering, .closed: false
        }
    }

    /// How many bytes `receive` may be given now. While a request is served, only some of the next ones are
    /// held: a client that sends faster than it is answered has to wait.
    var inputCapacity: Int {
        switch phase {
        case .idle, .head, .body:
            sawEnd || unparsedBytes >= limits.pipelinedBytesMax
                ? 0 : inflater == nil ? .max : Self.packedBytesPerTurn
        case .serving: sawEnd ? 0 : max(0, limits.pipelinedBytesMax - unparsedBytes)
        case .lingering: sawEnd ? 0 : .max
        case .closing, .closed: 0
        }
    }

    mutating func receive(_ bytes: Span<UInt8>) {
        if phase == .lingering {
            lingeredBytes += bytes.count
            return
        }
        inbound.removeSubrange(..<consumed)
        consumed = 0
        bytes.withUnsafeBufferPointer { inbound.append(contentsOf: $0) }
    }

    mutating func receiveEnd() {
        sawEnd = true
    }

    /// What to do next; nil when nothing, until more is received or a response ends.
    mutating func next() -> Action? {
        switch phase {
        case .idle, .head, .body:
            return parse()
        case .lingering:
            if lingeredBytes > limits.lingerBytesMax { return close(.lingerBytes) }
            return sawEnd ? close() : nil
        case .serving, .closing, .closed:
            return nil
        }
    }

    private mutating func parse() -> Action? {
        do throws(WireError) {
            while true {
                var position = consumed
                let event = try parser.next(inbound, &position)
                consumed = position
                switch event {
                case .head(let head): return take(head)
                case .body(let range): try take(inbound[range])
                case .end: return try takeEnd()
                case nil: return pause()
                }
            }
        } catch {
            return refuse(error)
        }
    }

    private mutating func take(_ head: RequestHead) -> Action {
        self.head = head
        phase = .body
        bodyBytesReceived = 0
        dropsBody = head.method.ignoresBody
        owesContinue = head.expectsContinue && head.framing != .none
        return .head(head)
    }

    private mutating func take(_ bytes: ArraySlice<UInt8>) throws(WireError) {
        bodyBytesReceived += bytes.count
        owesContinue = false
        if dropsBody { return }
        if let inflater { try inflater.append(bytes, to: &body) } else { body.append(contentsOf: bytes) }
    }

    private mutating func takeEnd() throws(WireError) -> Action {
        try inflater?.end()
        inflater = nil
        phase = .serving
        requests += 1
        defer { body = [] }
        return .request(body: body)
    }

    /// All input is used up.
    private mutating func pause() -> Action? {
        if sawEnd {
            // Responses to earlier requests may still be on their way.
            phase = .closing
            return nil
        }
        if phase != .body { phase = parser.isBetweenRequests ? .idle : .head }
        if phase == .idle, inbound.capacity > limits.pipelinedBytesMax {
            inbound = []
            consumed = 0
        }
        // A client that has begun its body waits no more.
        if owesContinue, phase == .body {
            owesContinue = false
            return .sendContinue
        }
        return nil
    }

    /// The request, or what stands in its place, cannot be served.
    mutating func refuse(_ error: WireError) -> Action {
        phase = .serving
        mustClose = true
        body = []
        inflater = nil
        return .refuse(error)
    }

    /// No request will come, and nothing is to be answered.
    mutating func giveUp() {
        if phase == .idle { phase = .closing }
    }

    private mutating func close(_ limit: HTTPLimit? = nil) -> Action {
        phase = .closed
        return .close(limit)
    }

    // MARK: - Decisions about a head

    /// Its body is wanted.
    ///
    /// - Throws: The refusal to answer with, when the announced length alone is too much. A chunked body that turns
    ///   out to be larger is refused by a later action.
    mutating func accept(bodyBytesMax: Int) throws(WireError) {
        do throws(WireError) {
            try parser.limitBody(to: bodyBytesMax)
            if let head, head.coding != .identity, !dropsBody {
                inflater = try inflater(head.coding, bodyBytesMax)
            }
        } catch {
            _ = refuse(error)
            throw error
        }
    }

    private func inflater(_ coding: ContentCoding, _ bytesMax: Int) throws(WireError) -> Inflater {
        guard inflatesBodies else {
            throw WireError(
                .contentCoding, "Request bodies must not be compressed (Content-Encoding).",
                headers: ["Accept-Encoding": "identity"])
        }
        guard let inflater = Inflater(coding, bytesMax: bytesMax, limits: limits) else {
            throw WireError(.bodyTooLarge, "There is no memory to unpack a body now.")
        }
        return inflater
    }

    /// The answer is known already. A body that is under way is read and dropped first; one that the client
    /// still holds back is never asked for, and the connection ends with the answer.
    ///
    /// - Parameters:
    ///   - atOnce: Nor is a body waited for that is not here as a whole: strangers get an answer, not patience.
    ///   - closing: The connection ends with the answer in any case.
    /// - Returns: The answer is due now; otherwise at `.request`.
    mutating func refuseBody(atOnce: Bool = false, closing: Bool = false) throws(WireError) -> Bool {
        dropsBody = true
        if closing { mustClose = true }
        if atOnce, !isBodyHere {
            phase = .serving
            mustClose = true
            return true
        }
        try accept(bodyBytesMax: limits.bodyBytesMax)
        guard owesContinue, unparsedBytes == 0 else { return false }
        phase = .serving
        mustClose = true
        return true
    }

    private var isBodyHere: Bool {
        switch head?.framing {
        case .some(.none), nil: true
        case .length(let count): count <= unparsedBytes
        case .chunked: false
        }
    }

    // MARK: - Output

    /// Begins the present request's response.
    ///
    /// - Parameter bodyBytes: The length of a whole body; nil for a stream.
    mutating func begin(
        _ start: ResponseStart, bodyBytes: Int?, date: [UInt8], requestID: String, into output: inout [UInt8]
    ) {
        precondition(phase == .serving && framing == nil, "a response begins once, after its request")
        let isOld = head?.version == .http10
        let framing = Self.framing(start.status, bodyBytes: bodyBytes, isOld: isOld)
        let isPersistent = head?.isPersistent ?? false
        if framing == .untilClose || !isPersistent || requests >= limits.requestsPerConnectionMax {
            mustClose = true
        }
        let persistence: ResponseHead.Persistence = mustClose ? .close : isOld ? .keepAlive : .implied
        ResponseHead(status: start.status, fields: start.headers, framing: framing, persistence: persistence)
            .encode(date: date, requestID: requestID, into: &output)
        self.framing = head?.method == .head ? .nothing : framing
    }

    private static func framing(_ status: HTTPStatus, bodyBytes: Int?, isOld: Bool) -> ResponseHead.Framing {
        if status.forbidsBody { return .nothing }
        if let bodyBytes { return .length(bodyBytes) }
        return isOld ? .untilClose : .chunked
    }

    mutating func write(_ bytes: [UInt8], into output: inout [UInt8]) {
        switch framing {
        case .nothing, nil: break
        case .length, .untilClose: output.append(contentsOf: bytes)
        case .chunked: ChunkEncoder.append(bytes, to: &output)
        }
    }

    /// Ends the response.
    mutating func end(into output: inout [UInt8]) {
        if framing == .chunked { output.append(contentsOf: ChunkEncoder.end) }
        framing = nil
        head = nil
        phase = mustClose ? .closing : .idle
    }

    /// Everything of the last response was sent; the caller shuts its side of the socket down when told to
    /// linger.
    ///
    /// Closing at once while the client still sends would reset the connection and destroy what it has not
    /// read yet.
    mutating func didSendAll() {
        precondition(phase == .closing, "nothing is closing")
        phase = sawEnd ? .closed : .lingering
    }

    // MARK: - Time and stopping

    /// The time of the present phase is over.
    mutating func timeOut() -> Action? {
        switch phase {
        case .idle, .lingering: close()
        case .head: refuse(WireError(.headerTimeout, "The request's head took too long."))
        case .body: refuse(WireError(.bodyTimeout, "The request's body took too long."))
        case .serving, .closing, .closed: nil
        }
    }

    /// The server stops: this connection serves what it has begun, and nothing after it. A client that has connected
    /// and asked nothing yet was taken from the queue, and is still served one request: nobody may lose one because a
    /// server gives its place to another.
    ///
    /// - Parameter isAllSent: No response waits for the client.
    mutating func drain(isAllSent: Bool) -> Action? {
        mustClose = true
        guard phase == .idle, requests > 0 else { return nil }
        if isAllSent { return close() }
        phase = .closing
        return nil
    }
}
