import COpenSSL

/// A TLS client without a socket: OpenSSL's, with memory BIOs.
public final class TLSTestClient: @unchecked Sendable {
    public enum Progress: Equatable { case needsMore, done, failed }

    public enum Version: Int, Sendable {
        case tls10 = 0x301
        case tls11
        case tls12
        case tls13
    }

    /// Of the alert that the server sent.
    public private(set) var alert: Int?
    /// The server said close_notify.
    public private(set) var sawGoodbye = false

    private let context: OpaquePointer
    private let ssl: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer

    /// - Parameters:
    ///   - name: The host that is asked for.
    ///   - protocols: Of ALPN.
    ///   - authority: Whose certificates are trusted; nil trusts all.
    ///   - certificate: The client's own.
    public init(
        name: String? = nil, protocols: [String] = [], authority: TestCertificate? = nil,
        certificate: TestCertificate? = nil, versionMax: Version = .tls13, ciphers: String? = nil
    ) throws {
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw TestFailure("SSL_CTX_new") }
        // Old versions are to be refused by the server, not here.
        SSL_CTX_set_security_level(context, 0)
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Version.tls10.rawValue, nil)
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, versionMax.rawValue, nil)
        if let ciphers, SSL_CTX_set_cipher_list(context, ciphers) != 1 { throw TestFailure("ciphers") }
        if let authority {
            X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.certificate)
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        }
        if let certificate {
            SSL_CTX_use_certificate(context, certificate.certificate)
            SSL_CTX_use_PrivateKey(context, certificate.key)
        }
        if !protocols.isEmpty {
            let list = protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
            SSL_CTX_set_alpn_protos(context, list, UInt32(list.count))
        }
        guard let ssl = SSL_new(context), let input = BIO_new(BIO_s_mem()), let output = BIO_new(BIO_s_mem())
        else { throw TestFailure("SSL_new") }
        SSL_set_bio(ssl, input, output)
        SSL_set_connect_state(ssl)
        if var name = name?.utf8CString.map({ $0 }) {
            _ = name.withUnsafeMutableBufferPointer {
                SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name), $0.baseAddress)
            }
        }
        self.context = context
        self.ssl = ssl
        self.input = input
        self.output = output
    }

    deinit {
        SSL_free(ssl)
        SSL_CTX_free(context)
    }

    public func receive(_ bytes: [UInt8]) {
        if !bytes.isEmpty { BIO_write(input, bytes, Int32(bytes.count)) }
    }

    /// What is to be sent.
    public func takeOutput() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(apus_bio_pending(output)))
        let count = bytes.isEmpty ? 0 : BIO_read(output, &bytes, Int32(bytes.count))
        return Array(bytes[..<Int(max(0, count))])
    }

    public func handshake() -> Progress {
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        return result == 1 ? .done : progress(result)
    }

    public func write(_ bytes: [UInt8]) throws {
        ERR_clear_error()
        guard bytes.isEmpty || SSL_write(ssl, bytes, Int32(bytes.count)) == bytes.count else {
            throw TestFailure("SSL_write")
        }
    }

    /// Plaintext, empty when more is needed, or at the end (see `sawGoodbye`); nil when the session broke.
    public func read() -> [UInt8]? {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            ERR_clear_error()
            let count = SSL_read(ssl, &buffer, Int32(buffer.count))
            if count > 0 {
                all += buffer[..<Int(count)]
            } else {
                let failed = progress(count) == .failed
                return failed && all.isEmpty && !sawGoodbye ? nil : all
            }
        }
    }

    /// Says close_notify.
    public func close() { SSL_shutdown(ssl) }

    /// Asks for other keys: in TLS 1.2 by a new handshake.
    public func renegotiate() -> Progress {
        SSL_renegotiate(ssl)
        return handshake()
    }

    public func shows(_ certificate: TestCertificate) -> Bool {
        guard let shown = SSL_get0_peer_certificate(ssl) else { return false }
        return X509_cmp(shown, certificate.certificate) == 0
    }

    public var version: String { String(cString: SSL_get_version(ssl)) }
    public var cipher: String {
        SSL_get_current_cipher(ssl).flatMap { SSL_CIPHER_get_name($0) }.map { String(cString: $0) } ?? ""
    }

    /// Of ALPN.
    public var chosenProtocol: String? {
        var bytes: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &bytes, &count)
        return bytes.map {
            String(decoding: UnsafeBufferPointer(start: $0, count: Int(count)), as: UTF8.self)
        }
    }

    /// The server gave something to resume the session with, or to send data before the handshake.
    public var canResume: Bool {
        guard let session = SSL_get_session(ssl) else { return false }
        return SSL_SESSION_has_ticket(session) == 1 || SSL_SESSION_is_resumable(session) == 1
            || SSL_SESSION_get_max_early_data(session) > 0
    }

    private func progress(_ result: Int32) -> Progress {
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .needsMore
        case SSL_ERROR_ZERO_RETURN: sawGoodbye = true
        default:
            // Reasons past 1000 are alerts that were received.
            let reason = Int(ERR_peek_last_error() & 0x7F_FFFF)
            if reason > 1_000 { alert = reason - 1_000 }
        }
        return .failed
    }
}
