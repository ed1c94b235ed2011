import Glibc

/// The socket of one connection as HTTP sees it: plaintext comes in and goes out.
///
/// What stands before HTTP is dealt with here, and so are the ways in which it fails:
///
///     PROXY header   when the listener requires one     its end ──▶ handshake, or open
///     handshake      when the listener uses TLS         done ──▶ open
///     open           the client's own bytes
///
/// Confined to the loop. It reads no clock and does not know epoll.
struct ConnectionSocket {
    /// What came in.
    struct Input {
        /// Plaintext, at the start of the buffer; before the end if there was one.
        var count = 0
        /// Where the handshake stands, when it took a step; then there may be something to send.
        var handshake: Handshake?
        var end: End?
    }

    enum Handshake { case underWay, done }

    /// Why nothing more comes.
    enum End {
        /// The client sends no more; it may still read.
        case orderly
        /// The same without the word that TLS has for it: what came last may be missing.
        case truncated
        /// The client speaks HTTP without TLS. What is sent from here on is not encrypted, so that it can be told.
        case plainHTTP
        /// The handshake failed. The alert that waits is to reach the client.
        case refused
        /// The alert that waits is all that is still to be sent.
        case broken
        /// The client is gone, or gets no answer.
        case lost
    }

    let fd: Int32
    /// Whom the PROXY header names, once it has come.
    private(set) var peer: ConnectionPeer
    private(set) var isHandshaking: Bool
    /// The socket takes no more, until `canSend`.
    private(set) var isBlocked = false
    /// What is to be sent, not encrypted yet.
    var outbound = OutboundBuffer()

    private let context: ServerContext
    /// Nil when no PROXY header is due, or no more.
    private var gate: ProxyGate?
    private var transport: Transport

    init(_ fd: Int32, _ context: ServerContext, _ listener: ListenerDescription, _ transport: Transport) {
        self.fd = fd
        self.context = context
        self.transport = transport
        isHandshaking = listener.usesTLS
        peer = ConnectionPeer(of: fd, isUnix: listener.isUnix)
        gate = listener.requiresProxy ? ProxyGate(limits: context.limits) : nil
    }

    /// Of a client that showed a certificate.
    var clientSubject: String? { transport.clientSubject }

    // MARK: - In

    /// `receive` may give something although the socket has nothing to read.
    var hasInput: Bool { transport.hasInput }

    /// Receives into the first `max` bytes of `buffer`; what lies behind them is scratch.
    mutating func receive(_ buffer: UnsafeMutableRawBufferPointer, max: Int) -> Input {
        if gate != nil { return receiveProxyHeader(buffer, max: max) }
        return receivePlaintext(buffer, max: max)
    }

    private mutating func receivePlaintext(_ buffer: UnsafeMutableRawBufferPointer, max: Int) -> Input {
        let received = transport.receive(fd, buffer, max: max)
        var input = Input(count: received.count)
        if isHandshaking { input.handshake = shakeHands() }
        if received.count > 0 { context.counters.bytesReceived.count(received.count) }
        input.end =
            switch received.end {
            case nil: nil
            case .orderly: .orderly
            case .lost: .lost
            case .tls(let failure): end(failure)
            }
        return input
    }

    /// It stands before everything else, a TLS handshake too.
    private mutating func receiveProxyHeader(_ buffer: UnsafeMutableRawBufferPointer, max: Int) -> Input {
        let count = recv(fd, buffer.baseAddress, min(gate?.capacity ?? 0, max), 0)
        guard count > 0 else {
            return Input(end: count < 0 && (errno == EAGAIN || errno == EINTR) ? nil : .lost)
        }
        context.counters.bytesReceived.count(count)
        switch gate?.receive(UnsafeRawBufferPointer(rebasing: buffer[..<count])) {
        case .open(let client, let rest):
            gate = nil
            if let client { peer = ConnectionPeer(client) }
            return passOn(rest, buffer, max: max)
        case .refuse:
            context.counters.proxyHeadersRefused.count()
            return Input(end: .lost)
        case .wait, nil: return Input()
        }
    }

    /// What came behind a PROXY header in the same piece, so that it fits in the buffer that this came in.
    private mutating func passOn(_ bytes: [UInt8], _ buffer: UnsafeMutableRawBufferPointer, max: Int) -> Input
    {
        guard !bytes.isEmpty else { return Input() }
        switch transport {
        case .plain:
            buffer.copyBytes(from: bytes)
            return Input(count: bytes.count)
        case .tls(let session):
            bytes.withUnsafeBytes { session.receive($0) }
            return receivePlaintext(buffer, max: max)
        }
    }

    // MARK: - TLS

    private mutating func shakeHands() -> Handshake {
        guard case .tls(let session) = transport, session.isOpen else { return .underWay }
        isHandshaking = false
        context.tls?.handshakeEnded()
        return .done
    }

    private mutating func end(_ failure: TLSFailure) -> End {
        context.tls?.failed(failure, peer: peer.name)
        switch failure {
        case .plainHTTP:
            becomePlain()
            return .plainHTTP
        case .handshake:
            becomePlain()
            return .refused
        case .unfinishedHandshake: return .lost
        case .truncated: return .truncated
        case .record: return .broken
        }
    }

    /// What is to be sent and received from here on is not encrypted.
    private mutating func becomePlain() {
        guard case .tls(let session) = transport else { return }
        session.withOutput { outbound.bytes.append(contentsOf: $0) }
        transport = .plain
        isHandshaking = false
    }

    /// The client's time for the handshake is over.
    func handshakeTimedOut() {
        context.counters.timeouts.count()
        context.tls?.failed(.unfinishedHandshake, peer: peer.name)
    }

    // MARK: - Out

    /// Bytes that the socket has not taken.
    var waitingBytes: Int { outbound.count + transport.waitingBytes }

    /// The socket takes more.
    mutating func canSend() {
        isBlocked = false
    }

    /// Sends as much of what waits as the socket takes.
    ///
    /// - Parameter isLast: The end of the connection follows at once, and leaves in one packet with the last bytes.
    /// - Returns: Whether something went out; nil when the socket failed.
    mutating func send(isLast: Bool) -> Bool? {
        var total = 0
        while waitingBytes > 0, !isBlocked {
            switch transport.send(fd, &outbound, isLast: isLast) {
            case .sent(let count): total += count
            case .blocked: isBlocked = true
            case .lost: return nil
            }
        }
        if total > 0 { context.counters.bytesSent.count(total) }
        return total > 0
    }

    /// Nothing will follow what waits.
    ///
    /// - Returns: There is something more to send because of it.
    func sayGoodbye() -> Bool { transport.close() }

    /// The client reads the end; it may still send.
    func shutDown() {
        shutdown(fd, Int32(SHUT_WR))
    }

    /// - Parameter isComplete: All that was begun was said: a client must be able to tell an end from a cut.
    mutating func close(isComplete: Bool) {
        if isComplete, waitingBytes == 0, sayGoodbye() { _ = transport.send(fd, &outbound, isLast: true) }
        Glibc.close(fd)
        outbound = OutboundBuffer()
    }
}
