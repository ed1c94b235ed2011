/// Requests out of bytes, however the bytes are cut: RFC 9112 read strictly, without a socket or a clock.
///
/// States, what has been checked in each, and which event leads on:
///
///     beforeRequest   nothing                             first byte of a line ──▶ requestLine
///     requestLine     nothing                             its CRLF ──▶ fieldLine
///     fieldLine       request line, fields so far         empty line ──▶ `.head`, then one of the next three
///     bodyComplete    head, body                          ──▶ `.end`, beforeRequest
///     fixedBody       head                                `.body` … last byte ──▶ bodyComplete
///     chunkSize       head, chunks so far                 size ──▶ chunkData; 0 ──▶ trailer
///     chunkData       and the size                        `.body` … last byte ──▶ chunkEnd
///     chunkEnd        and the data                        CRLF ──▶ chunkSize
///     trailer         head, body; trailers are dropped    empty line ──▶ bodyComplete
///     failed          nothing: nobody can say where a next request begins
struct RequestParser {
    enum Event: Equatable {
        case head(RequestHead)
        /// Body bytes, without framing, as indices of the input.
        case body(Range<Int>)
        case end
    }

    private enum State {
        case beforeRequest
        case requestLine
        case fieldLine
        case bodyComplete
        case fixedBody(remaining: Int)
        case chunkSize
        case chunkData(remaining: Int)
        case chunkEnd
        case trailer
        case failed
    }

    private let limits: HTTPLimits
    private var state = State.beforeRequest
    private var lines = LineBuffer()
    private var emptyLines = 0
    private var requestLine: RequestLine?
    private var entries: [HTTPFields.Entry] = []
    private var body: BodyBudget

    init(limits: HTTPLimits) {
        self.limits = limits
        body = BodyBudget(limits: limits)
    }

    /// No byte of a next request has been seen.
    var isBetweenRequests: Bool {
        if case .beforeRequest = state { lines.isFresh && emptyLines == 0 } else { false }
    }

    /// The next event in `input` from `position` on, which moves past what was used; nil when more bytes are
    /// needed.
    ///
    /// - Throws: The reason to refuse this request and to close. After that nothing is parsed any more.
    mutating func next(_ input: Span<UInt8>, _ position: inout Int) throws(WireError) -> Event? {
        do throws(WireError) {
            while true {
                switch try step(input, &position) {
                case .again: continue
                case .needsMore: return nil
                case .event(let event): return event
                }
            }
        } catch {
            state = .failed
            throw error
        }
    }

    mutating func next(_ input: [UInt8], _ position: inout Int) throws(WireError) -> Event? {
        try next(input.span, &position)
    }

    /// Sets the limit of the body that follows the head just returned.
    ///
    /// - Throws: When its Content-Length alone is beyond it.
    mutating func limitBody(to bytes: Int) throws(WireError) {
        body.bytesMax = bytes
        if case .fixedBody(let remaining) = state {
            do throws(WireError) {
                try body.admit(remaining)
            } catch {
                state = .failed
                throw error
            }
        }
    }

    private enum Step {
        case again
        case needsMore
        case event(Event)
    }

    private mutating func step(_ input: Span<UInt8>, _ position: inout Int) throws(WireError) -> Step {
        switch state {
        case .beforeRequest: try beginRequest(input, &position)
        case .requestLine: try readRequestLine(input, &position)
        case .fieldLine: try readFieldLine(input, &position)
        case .bodyComplete: endRequest()
        case .fixedBody(let remaining): readFixedBody(input, &position, remaining)
        case .chunkSize: try readChunkSize(input, &position)
        case .chunkData(let remaining): readChunkData(input, &position, remaining)
        case .chunkEnd: try readChunkEnd(input, &position)
        case .trailer: try readTrailer(input, &position)
        case .failed: .needsMore
        }
    }

    // MARK: - Head

    private mutating func beginRequest(_ input: Span<UInt8>, _ position: inout Int) throws(WireError) -> Step
    {
        guard position < input.count else { return .needsMore }
        let first = input[position]
        if lines.isFresh, ASCII.isToken(first) {
            state = .requestLine
            return .again
        }
        // A byte that begins no method is refused at once: a TLS ClientHello would never end its line.
        guard !lines.isFresh || first == ASCII.carriageReturn else {
            throw WireError(.requestLine, "A request begins with its method.")
        }
        switch lines.take(input, &position, max: 0) {
        case .needsMore: return .needsMore
        case .complete: emptyLines += 1
        case .tooLong, .badByte: throw WireError(.requestLine, "A line must end with CR LF.")
        }
        guard emptyLines <= limits.leadingEmptyLinesMax else {
            throw WireError(
                .requestLine, "Too many empty lines before the request.", reached: .leadingEmptyLines)
        }
        return .again
    }

    private mutating func readRequestLine(_ input: Span<UInt8>, _ position: inout Int) throws(WireError)
        -> Step
    {
        switch lines.take(input, &position, max: limits.requestLineBytesMax) {
        case .needsMore: return .needsMore
        case .badByte:
            throw WireError(.requestLine, "The request line contains a control byte or a bare line end.")
        case .tooLong:
            guard lines.line.prefix(limits.methodBytesMax + 1).contains(ASCII.space) else {
                throw RequestLine.methodTooLong(limits.methodBytesMax)
            }
            throw WireError(
                .targetTooLong, "The request line is longer than \(limits.requestLineBytesMax) bytes.",
                reached: .requestLineBytes)
        case .complete: break
        }
        requestLine = try RequestLine(lines.bytes, methodBytesMax: limits.methodBytesMax)
        lines.restart()
        state = .fieldLine
        return .again
    }

    private mutating func readFieldLine(_ input: Span<UInt8>, _ position: inout Int) throws(WireError) -> Step
    {
        let room = min(limits.fieldLineBytesMax, limits.headerBytesMax - lines.start)
        switch lines.take(input, &position, max: room) {
        case .needsMore: return .needsMore
        case .badByte: throw WireError(.field, "A field line contains a control byte or a bare line end.")
        case .tooLong:
            throw WireError(
                .fieldsTooLarge,
                "Fields may have \(limits.fieldLineBytesMax) bytes each, \(limits.headerBytesMax) together.",
                reached: room < limits.fieldLineBytesMax ? .headerBytes : .fieldLineBytes)
        case .complete: break
        }
        if lines.line.isEmpty { return .event(.head(try endHead())) }
        guard entries.count < limits.fieldCountMax else {
            throw WireError(
                .fieldsTooLarge, "A request may have \(limits.fieldCountMax) fields.", reached: .fieldCount)
        }
        // As many as a client usually sends, at once.
        if entries.isEmpty { entries.reserveCapacity(12) }
        entries.append(try FieldLine.parse(lines.line))
        lines.nextLine()
        return .again
    }

    private mutating func endHead() throws(WireError) -> RequestHead {
        guard let line = requestLine else {
            throw WireError(.requestLine, "A request begins with its method.")
        }
        let fields = HTTPFields(bytes: lines.release(), entries: entries)
        entries = []
        requestLine = nil
        let rules = try FieldRules(fields, version: line.version)
        body.restart()
        switch rules.framing {
        case .none: state = .bodyComplete
        case .length(let count): state = .fixedBody(remaining: count)
        case .chunked: state = .chunkSize
        }
        return RequestHead(
            line, fields: fields, framing: rules.framing, coding: rules.coding,
            isPersistent: rules.isPersistent, expectsContinue: rules.expectsContinue)
    }

    // MARK: - Body

    private mutating func endRequest() -> Step {
        lines.restart()
        emptyLines = 0
        state = .beforeRequest
        return .event(.end)
    }

    private mutating func readFixedBody(_ input: Span<UInt8>, _ position: inout Int, _ remaining: Int) -> Step
    {
        let count = min(remaining, input.count - position)
        guard count > 0 else { return .needsMore }
        state = count == remaining ? .bodyComplete : .fixedBody(remaining: remaining - count)
        defer { position += count }
        return .event(.body(position..<position + count))
    }

    private mutating func readChunkSize(_ input: Span<UInt8>, _ position: inout Int) throws(WireError) -> Step
    {
        switch lines.take(input, &position, max: limits.chunkLineBytesMax) {
        case .needsMore: return .needsMore
        case .badByte:
            throw WireError(.chunk, "A chunk-size line contains a control byte or a bare line end.")
        case .tooLong:
            throw WireError(
                .chunk, "A chunk-size line is longer than \(limits.chunkLineBytesMax) bytes.",
                reached: .chunkLineBytes)
        case .complete: break
        }
        let chunk = try ChunkLine(lines.bytes)
        lines.restart()
        try body.admit(chunk)
        state = chunk.size == 0 ? .trailer : .chunkData(remaining: chunk.size)
        return .again
    }

    private mutating func readChunkData(_ input: Span<UInt8>, _ position: inout Int, _ remaining: Int) -> Step
    {
        let count = min(remaining, input.count - position)
        guard count > 0 else { return .needsMore }
        state = count == remaining ? .chunkEnd : .chunkData(remaining: remaining - count)
        defer { position += count }
        return .event(.body(position..<position + count))
    }

    private mutating func readChunkEnd(_ input: Span<UInt8>, _ position: inout Int) throws(WireError) -> Step
    {
        switch lines.take(input, &position, max: 0) {
        case .needsMore: return .needsMore
        case .badByte, .tooLong: throw WireError(.chunk, "A chunk's data is not followed by CR LF.")
        case .complete: break
        }
        lines.restart()
        state = .chunkSize
        return .again
    }

    /// Trailers are checked like fields and dropped: merging them is never safe (RFC 9110 §6.5.1).
    private mutating func readTrailer(_ input: Span<UInt8>, _ position: inout Int) throws(WireError) -> Step {
        switch lines.take(input, &position, max: limits.trailerBytesMax - body.trailerBytes) {
        case .needsMore: return .needsMore
        case .badByte: throw WireError(.chunk, "A trailer line contains a control byte or a bare line end.")
        case .tooLong:
            throw WireError(
                .fieldsTooLarge, "Trailers may have \(limits.trailerBytesMax) bytes together.",
                reached: .trailerBytes)
        case .complete: break
        }
        if lines.line.isEmpty {
            state = .bodyComplete
            return .again
        }
        _ = try FieldLine.parse(lines.line)
        try body.admitTrailer(bytes: lines.line.count)
        lines.restart()
        return .again
    }
}
