import COpenSSL
import Glibc

/// The certificates of a server as they were read at one time: what new sessions begin with.
///
/// Immutable, so any thread may use it.
final class TLSContext: @unchecked Sendable {
    private let certificates: [TLSCertificate]
    private let unknownName: TLSConfiguration.UnknownName

    /// Reads all files.
    init(_ configuration: TLSConfiguration) throws(TLSError) {
        guard !configuration.pairs.isEmpty, configuration.pairs.count <= TLSConfiguration.pairsMax else {
            throw TLSError("TLS needs 1 to \(TLSConfiguration.pairsMax) certificates")
        }
        var certificates: [TLSCertificate] = []
        for pair in configuration.pairs {
            certificates.append(try TLSCertificate(pair, configuration))
        }
        self.certificates = certificates
        unknownName = configuration.unknownName
        // Sessions begin with the first, whose callback chooses another one; it lives as long as they do.
        apus_ssl_ctx_set_servername_callback(
            first,
            { ssl, alert, argument in
                guard let ssl, let argument else { return SSL_TLSEXT_ERR_ALERT_FATAL }
                let context = Unmanaged<TLSContext>.fromOpaque(argument).takeUnretainedValue()
                return context.choose(ssl, alert)
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    /// What sessions are made of.
    var first: OpaquePointer { certificates[0].context }

    /// When the first of the certificates ends to be valid, in seconds since 1970.
    var expiresAt: Int { certificates.map(\.expiresAt).min() ?? 0 }

    /// For the log.
    var summary: String {
        certificates.map { "\($0.subject) until \($0.expiryText)" }.joined(separator: ", ")
    }

    /// Answers the name that the client asks for (RFC 6066 §3).
    private func choose(_ ssl: OpaquePointer, _ alert: UnsafeMutablePointer<Int32>?) -> Int32 {
        guard let name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else {
            return SSL_TLSEXT_ERR_NOACK
        }
        if let certificate = certificates.first(where: { $0.isFor(name) }) {
            if certificate.context != first { _ = SSL_set_SSL_CTX(ssl, certificate.context) }
            return SSL_TLSEXT_ERR_OK
        }
        switch unknownName {
        case .first: return SSL_TLSEXT_ERR_NOACK
        case .refuse:
            alert?.pointee = SSL_AD_UNRECOGNIZED_NAME
            return SSL_TLSEXT_ERR_ALERT_FATAL
        }
    }
}
