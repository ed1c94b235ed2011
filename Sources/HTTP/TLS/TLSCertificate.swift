import COpenSSL
import Glibc

/// One certificate with its chain and key, in an OpenSSL context that is ready to shake hands.
final class TLSCertificate {
    /// Far more than a chain needs.
    static let fileBytesMax = 1 << 20
    private static let chainCountMax = 16
    private static let subjectBytesMax = 1_024

    /// AEAD with ephemeral keys only: what Mozilla's guide calls intermediate, without finite-field Diffie-Hellman.
    private static let ciphers12 =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
        + "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
    private static let ciphers13 =
        "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
    private static let groups = "X25519:P-256:P-384"

    let context: OpaquePointer
    /// For people.
    let subject: String
    /// Seconds since 1970.
    let expiresAt: Int
    private let leaf: OpaquePointer

    init(_ pair: TLSConfiguration.Pair, _ configuration: TLSConfiguration) throws(TLSError) {
        ERR_clear_error()
        let chain = try PEMChain(file: pair.certificateFile, countMax: Self.chainCountMax)
        let leaf = try chain.takeFirst()
        guard let context = SSL_CTX_new(TLS_server_method()) else {
            X509_free(leaf)
            throw TLSError(openSSL: "TLS")
        }
        self.context = context
        self.leaf = leaf
        subject = Self.text(of: X509_get_subject_name(leaf)) ?? "a certificate without a name"
        expiresAt = Self.seconds(X509_get0_notAfter(leaf))
        try setUp(configuration.minimumVersion)
        guard SSL_CTX_use_certificate(context, leaf) == 1 else {
            throw TLSError(openSSL: pair.certificateFile)
        }
        while let next = chain.takeNext() {
            guard apus_ssl_ctx_add_chain_certificate(context, next) == 1 else {
                X509_free(next)
                throw TLSError(openSSL: pair.certificateFile)
            }
        }
        try useKey(pair)
        try setUpClients(configuration)
    }

    deinit {
        X509_free(leaf)
        SSL_CTX_free(context)
    }

    /// Whether a client that asks for this host should see this certificate.
    func isFor(_ name: UnsafePointer<CChar>) -> Bool {
        X509_check_host(leaf, name, strlen(name), UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS), nil) == 1
    }

    private func setUp(_ minimumVersion: TLSConfiguration.Version) throws(TLSError) {
        let version =
            switch minimumVersion {
            case .tls12: TLS1_2_VERSION
            case .tls13: TLS1_3_VERSION
            }
        SSL_CTX_set_options(context, apus_ssl_options)
        apus_ssl_ctx_set_mode(context, apus_ssl_modes)
        apus_ssl_ctx_disable_session_cache(context)
        SSL_CTX_set_security_level(context, 2)
        guard apus_ssl_ctx_set_min_version(context, version) == 1, SSL_CTX_set_num_tickets(context, 0) == 1,
            SSL_CTX_set_cipher_list(context, Self.ciphers12) == 1,
            SSL_CTX_set_ciphersuites(context, Self.ciphers13) == 1,
            apus_ssl_ctx_set_groups(context, Self.groups) == 1
        else { throw TLSError(openSSL: "TLS") }
        SSL_CTX_set_alpn_select_cb(
            context,
            { _, chosen, length, offered, count, _ in
                TLSCertificate.chooseProtocol(chosen, length, offered, count)
            },
            nil)
    }

    /// HTTP/1.1 or nothing (RFC 7301 §3.2).
    private static func chooseProtocol(
        _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?, _ length: UnsafeMutablePointer<UInt8>?,
        _ offered: UnsafePointer<UInt8>?, _ count: UInt32
    ) -> Int32 {
        guard let chosen, let length, let offered else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        let list = UnsafeBufferPointer(start: offered, count: Int(count))
        var position = 0
        while position < list.count {
            let end = position + 1 + Int(list[position])
            guard end <= list.count else { break }
            if list[position + 1..<end].elementsEqual("http/1.1".utf8) {
                chosen.pointee = offered + position + 1
                length.pointee = list[position]
                return SSL_TLSEXT_ERR_OK
            }
            position = end
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }

    private func useKey(_ pair: TLSConfiguration.Pair) throws(TLSError) {
        let pem = try PEMFile(pair.keyFile)
        // Without this OpenSSL would ask for the password on the terminal.
        let noPassword:
            @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?) -> Int32 = {
                _, _, _, _ in -1
            }
        guard let key = PEM_read_bio_PrivateKey(pem.bio, nil, noPassword, nil) else {
            throw pem.error(what: "private key", hint: "encrypted keys cannot be used")
        }
        defer { EVP_PKEY_free(key) }
        guard X509_check_private_key(leaf, key) == 1 else {
            ERR_clear_error()
            throw TLSError(
                "\(pair.keyFile): the key does not belong to the certificate in \(pair.certificateFile)")
        }
        guard SSL_CTX_use_PrivateKey(context, key) == 1 else { throw TLSError(openSSL: pair.keyFile) }
    }

    private func setUpClients(_ configuration: TLSConfiguration) throws(TLSError) {
        let mode: Int32
        switch configuration.clientAuthentication {
        case .off: return
        case .optional: mode = SSL_VERIFY_PEER
        case .required: mode = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
        }
        guard let file = configuration.clientAuthoritiesFile else {
            throw TLSError("a file with the authorities of clients' certificates is needed to check them")
        }
        let authorities = try PEMChain(file: file, countMax: .max)
        let store = SSL_CTX_get_cert_store(context)
        while let authority = authorities.takeNext() {
            defer { X509_free(authority) }
            // Both copy or count for themselves.
            guard X509_STORE_add_cert(store, authority) == 1, SSL_CTX_add_client_CA(context, authority) == 1
            else {
                throw TLSError(openSSL: file)
            }
        }
        SSL_CTX_set_verify(context, mode, nil)
    }

    // MARK: - Reading certificates

    /// The subject of the certificate that the client showed, when it was checked and good.
    static func subject(ofPeer ssl: OpaquePointer) -> String? {
        guard let certificate = SSL_get0_peer_certificate(ssl), SSL_get_verify_result(ssl) == X509_V_OK else {
            return nil
        }
        return text(of: X509_get_subject_name(certificate))
    }

    /// `2027-01-31`.
    var expiryText: String {
        var time = time_t(expiresAt)
        var parts = tm()
        gmtime_r(&time, &parts)
        var text = [CChar](repeating: 0, count: 16)
        let count = strftime(&text, text.count, "%Y-%m-%d", &parts)
        return String(decoding: text[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// RFC 2253: `CN=alice,O=Example`; commas and control bytes are escaped.
    private static func text(of name: OpaquePointer?) -> String? {
        guard let name, let bio = BIO_new(BIO_s_mem()) else { return nil }
        defer { BIO_free(bio) }
        guard X509_NAME_print_ex(bio, name, 0, apus_x509_name_format) >= 0 else { return nil }
        var bytes: UnsafePointer<CChar>?
        let count = Int(apus_bio_contents(bio, &bytes))
        guard count > 0, count <= subjectBytesMax else { return nil }
        return String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int {
        var parts = tm()
        guard ASN1_TIME_to_tm(time, &parts) == 1 else { return 0 }
        return timegm(&parts)
    }
}
