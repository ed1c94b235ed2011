import COpenSSL

/// The server's side of one TLS connection, without its socket: ciphertext in, plaintext out, and the other way
/// round. Between the two lie OpenSSL's memory BIOs.
///
/// States, and what leads on:
///
///     fresh         nothing was received                      first byte ──▶ handshaking
///     handshaking   keys are agreed on                        done ──▶ open
///     open          plaintext goes both ways                  close_notify ──▶ ended
///     ended         the client sends no more; we still may
///     failed        nothing goes any more; an alert may wait in the output
///
/// `read` moves the state on; from all of them but ended what is wrong leads to failed.
final class TLSSession {
    enum State: Equatable {
        case fresh, handshaking, open, ended
        case failed(TLSFailure)
    }

    /// Plaintext of one record (RFC 8446 §5.1).
    static let recordBytesMax = 16_384
    /// A BIO that has grown past this is given up when it is empty, so that idle connections stay small.
    private static let keptBytesMax = 4_096

    private(set) var state = State.fresh
    /// The verified certificate's subject, `CN=alice,O=Example` (RFC 2253); nil without one. Known once open.
    private(set) var clientSubject: String?

    /// OpenSSL's callbacks point to it.
    private let context: TLSContext
    private let ssl: OpaquePointer
    // Owned by `ssl`.
    private var input: OpaquePointer
    private var output: OpaquePointer
    /// Bytes of the output that are gone already.
    private var outputSent = 0
    private var saidGoodbye = false

    /// nil when there is no memory.
    init?(_ context: TLSContext) {
        guard let ssl = SSL_new(context.first) else { return nil }
        guard let input = BIO_new(BIO_s_mem()) else {
            SSL_free(ssl)
            return nil
        }
        guard let output = BIO_new(BIO_s_mem()) else {
            BIO_free(input)
            SSL_free(ssl)
            return nil
        }
        SSL_set_bio(ssl, input, output)
        SSL_set_accept_state(ssl)
        self.context = context
        self.ssl = ssl
        self.input = input
        self.output = output
    }

    deinit { SSL_free(ssl) }

    /// The handshake is over.
    var isOpen: Bool {
        switch state {
        case .open, .ended: true
        case .fresh, .handshaking, .failed: false
        }
    }

    // MARK: - From the client

    /// Takes ciphertext, which `read` decrypts.
    func receive(_ bytes: UnsafeRawBufferPointer) {
        guard let first = bytes.first, let count = Int32(exactly: bytes.count) else { return }
        if state == .fresh { state = Self.isHTTP(first) ? .failed(.plainHTTP) : .handshaking }
        if case .failed = state { return }
        if BIO_write(input, bytes.baseAddress, count) != count { state = .failed(.record("out of memory")) }
    }

    /// The socket's input has ended.
    func receiveEnd() {
        switch state {
        case .fresh, .handshaking: state = .failed(.unfinishedHandshake)
        case .open: state = .failed(.truncated)
        case .ended, .failed: break
        }
    }

    /// Decrypts.
    ///
    /// - Returns: The bytes written to `buffer`, at most one record's; 0 when more has to be received first, and when
    ///   `state` has changed to one in which nothing comes any more.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        if state == .handshaking { shakeHands() }
        guard state == .open, buffer.count > 0 else { return 0 }
        var count = 0
        ERR_clear_error()
        let result = SSL_read_ex(ssl, buffer.baseAddress, buffer.count, &count)
        if result == 1 { return count }
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: shrinkInput()
        case SSL_ERROR_ZERO_RETURN: state = .ended
        default: state = .failed(.record(TLSError.reason()))
        }
        return 0
    }

    /// `read` may have something without more being received.
    var hasInput: Bool { isOpen && (SSL_pending(ssl) > 0 || apus_bio_pending(input) > 0) }

    private func shakeHands() {
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 {
            state = .open
            clientSubject = TLSCertificate.subject(ofPeer: ssl)
            return
        }
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: break
        default: state = .failed(.handshake(TLSError.reason()))
        }
    }

    /// A TLS connection begins with the byte 22 (RFC 8446 §5.1), an HTTP request with a method's letter.
    private static func isHTTP(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
    }

    // MARK: - To the client

    /// Encrypts one record.
    ///
    /// - Returns: The bytes taken, at most `recordBytesMax`; 0 when the session is not open.
    func write(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard isOpen, bytes.count > 0 else { return 0 }
        var count = 0
        ERR_clear_error()
        let result = SSL_write_ex(ssl, bytes.baseAddress, min(bytes.count, Self.recordBytesMax), &count)
        if result == 1 { return count }
        state = .failed(.record(TLSError.reason()))
        return 0
    }

    /// Says that nothing follows: close_notify (RFC 8446 §6.1).
    ///
    /// - Returns: There is output because of it.
    func close() -> Bool {
        guard isOpen, !saidGoodbye else { return false }
        saidGoodbye = true
        ERR_clear_error()
        _ = SSL_shutdown(ssl)
        return outputCount > 0
    }

    /// Ciphertext that waits to be sent: records, the handshake's and alerts.
    var outputCount: Int { Int(apus_bio_pending(output)) - outputSent }

    func withOutput<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        var bytes: UnsafePointer<CChar>?
        let count = Int(apus_bio_contents(output, &bytes))
        return body(
            UnsafeRawBufferPointer(
                rebasing: UnsafeRawBufferPointer(start: bytes, count: count)[outputSent...]))
    }

    /// So much of the output was sent.
    func dropOutput(_ count: Int) {
        outputSent += count
        guard outputCount == 0 else { return }
        outputSent = 0
        if isOpen, apus_bio_capacity(output) > Self.keptBytesMax, let fresh = BIO_new(BIO_s_mem()) {
            SSL_set0_wbio(ssl, fresh)
            output = fresh
        } else {
            apus_bio_reset(output)
        }
    }

    private func shrinkInput() {
        guard apus_bio_pending(input) == 0, apus_bio_capacity(input) > Self.keptBytesMax,
            let fresh = BIO_new(BIO_s_mem())
        else { return }
        SSL_set0_rbio(ssl, fresh)
        input = fresh
    }
}
