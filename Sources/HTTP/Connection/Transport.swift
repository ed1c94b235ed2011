import Glibc

/// How the bytes of a connection go through its socket: as they are, or encrypted.
enum Transport {
    case plain
    case tls(TLSSession)

    /// What came in.
    struct Input {
        enum End {
            /// The other side sends no more; it may still read.
            case orderly
            /// The socket failed.
            case lost
            /// The socket works, and what came through it was not as it must be.
            case tls(TLSFailure)
        }

        /// Bytes that were received, before the end if there was one.
        var count: Int
        var end: End?
    }

    enum Output {
        /// So many bytes went out.
        case sent(Int)
        /// The socket takes no more for now.
        case blocked
        case lost
    }

    /// What one turn may read of a connection that sends no application data.
    private static let receivesPerTurnMax = 4
    /// One record, encrypted (RFC 8446 §5.2), with its head.
    private static let encryptedRecordBytesMax = 16_384 + 256 + 5
    /// Ciphertext other than of responses: a handshake with long lists of certificates stays far below it.
    private static let controlBytesMax = 262_144

    // MARK: - In

    /// Receives into the first `max` bytes of `buffer`; what lies behind them is scratch.
    func receive(_ fd: Int32, _ buffer: UnsafeMutableRawBufferPointer, max: Int) -> Input {
        switch self {
        case .plain:
            let count = recv(fd, buffer.baseAddress, max, 0)
            if count > 0 { return Input(count: count) }
            if count == 0 { return Input(count: 0, end: .orderly) }
            return Input(count: 0, end: errno == EAGAIN || errno == EINTR ? nil : .lost)
        case .tls(let session):
            return Self.receive(fd, buffer, max: max, session)
        }
    }

    private static func receive(
        _ fd: Int32, _ buffer: UnsafeMutableRawBufferPointer, max: Int, _ session: TLSSession
    ) -> Input {
        var filled = 0
        var receives = 0
        while filled < max {
            let count = session.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<max]))
            filled += count
            if count > 0 { continue }
            switch session.state {
            case .fresh, .handshaking, .open: break
            case .ended: return Input(count: filled, end: .orderly)
            case .failed(let failure): return Input(count: filled, end: .tls(failure))
            }
            if session.outputCount > controlBytesMax {
                return Input(count: filled, end: .tls(.record("too much but application data")))
            }
            guard receives < receivesPerTurnMax else { break }
            receives += 1
            // The session copies it: the same memory takes the plaintext.
            let room = UnsafeMutableRawBufferPointer(
                rebasing: buffer[filled...].prefix(encryptedRecordBytesMax))
            let received = recv(fd, room.baseAddress, room.count, 0)
            if received > 0 {
                session.receive(UnsafeRawBufferPointer(rebasing: room[..<received]))
            } else if received == 0 {
                session.receiveEnd()
            } else if errno == EAGAIN || errno == EINTR {
                break
            } else {
                return Input(count: filled, end: .lost)
            }
        }
        return Input(count: filled)
    }

    /// Of a client that showed a certificate.
    var clientSubject: String? {
        switch self {
        case .plain: nil
        case .tls(let session): session.clientSubject
        }
    }

    /// `receive` may give something although the socket has nothing to read.
    var hasInput: Bool {
        switch self {
        case .plain: false
        case .tls(let session): session.hasInput
        }
    }

    // MARK: - Out

    /// Bytes that wait beside those of the outbound buffer.
    var waitingBytes: Int {
        switch self {
        case .plain: 0
        case .tls(let session): session.outputCount
        }
    }

    /// Sends from the front of `outbound`. A record is encrypted when the one before it is gone.
    ///
    /// - Parameter isLast: The end of the connection follows when all is sent.
    func send(_ fd: Int32, _ outbound: inout OutboundBuffer, isLast: Bool) -> Output {
        switch self {
        case .plain:
            let output = outbound.withWaiting { Self.send(fd, $0, hasMore: isLast) }
            if case .sent(let count) = output { outbound.drop(count) }
            return output
        case .tls(let session):
            if session.outputCount == 0 {
                let taken = outbound.withWaiting { session.write($0) }
                guard taken > 0 else { return .lost }
                outbound.drop(taken)
            }
            let output = session.withOutput { Self.send(fd, $0, hasMore: isLast) }
            if case .sent(let count) = output { session.dropOutput(count) }
            return output
        }
    }

    private static func send(_ fd: Int32, _ bytes: UnsafeRawBufferPointer, hasMore: Bool) -> Output {
        let flags = Int32(MSG_NOSIGNAL) | (hasMore ? Int32(MSG_MORE) : 0)
        while true {
            let count = Glibc.send(fd, bytes.baseAddress, bytes.count, flags)
            if count > 0 { return .sent(count) }
            if errno == EAGAIN { return .blocked }
            if errno != EINTR { return .lost }
        }
    }

    /// Nothing will follow what waits.
    ///
    /// - Returns: There is something more to send because of it.
    func close() -> Bool {
        switch self {
        case .plain: false
        case .tls(let session): session.close()
        }
    }
}
