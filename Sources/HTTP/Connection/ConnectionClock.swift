/// The deadlines of one connection, out of the times at which things happened; it reads no clock.
///
/// Times are nanoseconds on any clock that does not go back.
struct ConnectionClock {
    enum Due: Equatable {
        /// The present phase took too long.
        case phase(HTTPLimit)
        /// The client takes nothing of what waits for it.
        case write
        /// An event stream was silent for long.
        case ping
        /// A client that has ended its side still waits, or is gone: writing tells.
        case halfClose
    }

    /// When the present request began.
    private(set) var firstByteAt: UInt64

    private let times: ConnectionTimes
    /// The phase that `phaseDeadline` belongs to; nil when a request ended since.
    private var timedPhase: ConnectionMachine.Phase?
    private var phaseDeadline: UInt64
    /// What it is the end of.
    private var phaseLimit = HTTPLimit.headerTimeout
    private var bodySince: UInt64 = 0
    private var servingSince: UInt64 = 0
    /// When to find out whether a client that ended its side is still there.
    private var halfCloseDeadline = UInt64.max
    private var lastWriteAt: UInt64
    /// When the client last took something, or when something began to wait for it.
    private var progressAt: UInt64

    /// - Parameter isHandshaking: TLS comes first.
    init(times: ConnectionTimes, isHandshaking: Bool = false, now: UInt64) {
        self.times = times
        firstByteAt = now
        lastWriteAt = now
        progressAt = now
        // A client that connects and says nothing gets no longer than one that is slow with its head.
        timedPhase = .idle
        phaseDeadline = now + (isHandshaking ? times.tlsHandshake : times.header)
    }

    // MARK: - What happened

    mutating func handshakeEnded(_ now: UInt64) { phaseDeadline = now + times.header }

    mutating func requestBegan(_ now: UInt64) { firstByteAt = now }

    mutating func headEnded(_ now: UInt64) { bodySince = now }

    /// - Parameter bytes: Of the body so far.
    mutating func bodyCame(bytes: Int, _ now: UInt64) {
        let isTooSlow = now - bodySince > times.bodyRateGrace && isSlow(bodyBytes: bytes, now)
        phaseDeadline = isTooSlow ? now : now + times.bodyIdle
        phaseLimit = isTooSlow ? .bodyRate : .bodyIdleTimeout
    }

    private func isSlow(bodyBytes: Int, _ now: UInt64) -> Bool {
        Double(bodyBytes) * 1e9 < times.bodyBytesPerSecondMin * Double(now - bodySince)
    }

    mutating func servingBegan(_ now: UInt64) { servingSince = now }

    /// - Parameter isFirst: Nothing waited for the client before.
    mutating func wrote(isFirst: Bool, _ now: UInt64) {
        lastWriteAt = now
        if isFirst { progressAt = now }
    }

    mutating func clientTook(_ now: UInt64) { progressAt = now }

    mutating func responseEnded(_ now: UInt64) {
        timedPhase = nil
        halfCloseDeadline = .max
        // Of a request that is here already.
        firstByteAt = now
    }

    /// The server stops: who has not asked anything yet has to do so soon.
    mutating func drainBegan(_ now: UInt64) {
        guard timedPhase == .idle else { return }
        phaseDeadline = min(phaseDeadline, now + times.firstRequest)
    }

    /// To be told before deadlines are asked for.
    mutating func isIn(_ phase: ConnectionMachine.Phase, _ now: UInt64) {
        guard phase != timedPhase else { return }
        timedPhase = phase
        let (deadline, limit): (UInt64, HTTPLimit) =
            switch phase {
            case .idle: (now + times.keepAlive, .keepAliveTimeout)
            // Absolute: a byte now and then does not move it.
            case .head: (firstByteAt + times.header, .headerTimeout)
            case .body: (now + times.bodyIdle, .bodyIdleTimeout)
            case .lingering: (now + times.linger, .lingerTimeout)
            case .serving, .closing, .closed: (.max, phaseLimit)
            }
        phaseDeadline = deadline
        phaseLimit = limit
    }

    // MARK: - What follows

    /// - Parameters:
    ///   - isWaiting: Bytes wait for the client.
    ///   - isEventStream: One is under way.
    func deadline(isWaiting: Bool, isEventStream: Bool) -> UInt64 {
        let deadline = min(phaseDeadline, halfCloseDeadline)
        if isWaiting { return min(deadline, stallDeadline) }
        return isEventStream ? min(deadline, pingDeadline) : deadline
    }

    func due(isWaiting: Bool, isEventStream: Bool, _ now: UInt64) -> Due? {
        if phaseDeadline <= now { return .phase(phaseLimit) }
        if halfCloseDeadline <= now { return .halfClose }
        if isWaiting { return stallDeadline <= now ? .write : nil }
        return isEventStream && pingDeadline <= now ? .ping : nil
    }

    /// The input ended while a request is served, and may have been a half-close.
    mutating func halfClosed(_ now: UInt64) { halfCloseDeadline = now + times.halfCloseGrace }

    mutating func askedHalfClosed() { halfCloseDeadline = .max }

    /// The input has ended now, while a request is served. That is how a client goes away; it is also how one
    /// says that its request was the last. The second comes right behind the request.
    func endMeansGone(_ now: UInt64) -> Bool {
        now - servingSince > times.halfCloseGrace
    }

    /// How long this connection has kept its place while the server did nothing for it, when that is long enough to give
    /// the place to another.
    ///
    /// - Parameters:
    ///   - isWaiting: Bytes wait for the client.
    ///   - bodyBytes: Of the body so far.
    func evictionAge(
        _ phase: ConnectionMachine.Phase, isWaiting: Bool, bodyBytes: Int, _ now: UInt64
    ) -> UInt64? {
        let since: UInt64
        switch phase {
        case .serving, .closed: return nil
        case .body:
            guard isSlow(bodyBytes: bodyBytes, now) else { return nil }
            since = bodySince
        // In `idle`, when the last request ended.
        case .idle, .head, .closing, .lingering: since = isWaiting ? progressAt : firstByteAt
        }
        return now - since >= times.eviction ? now - since : nil
    }

    private var stallDeadline: UInt64 { progressAt + times.writeStall }
    private var pingDeadline: UInt64 { lastWriteAt + times.ping }
}
