import HTTP

/// What can be set about TLS.
public struct TLSSettings: Sendable, Equatable {
    /// PEM files with chains; empty: no TLS.
    public var certificates: [String] = []
    /// One for each certificate, in the same order; empty: the keys stand in the certificates' files.
    public var keys: [String] = []
    public var minimumVersion = TLSConfiguration.Version.tls12
    public var unknownName = TLSConfiguration.UnknownName.first
    public var clientAuthentication = TLSConfiguration.ClientAuthentication.off
    public var clientAuthorities: String?
    public var reloadInterval = Duration.seconds(5)

    public init() {}

    /// nil without a certificate.
    ///
    /// - Parameter isWanted: A listener uses TLS.
    /// - Throws: What does not fit together.
    func configuration(isWanted: Bool) throws(ServiceError) -> TLSConfiguration? {
        guard !certificates.isEmpty else {
            if isWanted {
                throw ServiceError("a listener has the option tls, but tls-certificate is not set")
            }
            if !keys.isEmpty || clientAuthorities != nil || clientAuthentication != .off {
                throw ServiceError("tls-key, tls-client-ca and tls-client-auth need tls-certificate")
            }
            return nil
        }
        guard isWanted else {
            throw ServiceError(
                "tls-certificate is set, but nothing that is listened at uses TLS; add ;tls in listen")
        }
        let keys = keys.isEmpty ? certificates : keys
        guard keys.count == certificates.count else {
            throw ServiceError(
                "tls-certificate names \(certificates.count) files and tls-key \(keys.count); each needs the other"
            )
        }
        guard (clientAuthentication == .off) == (clientAuthorities == nil) else {
            throw ServiceError(
                clientAuthorities == nil
                    ? "tls-client-auth is \(clientAuthentication.rawValue), but tls-client-ca is not set"
                    : "tls-client-ca is set, but tls-client-auth is off; it must be optional or required")
        }
        var configuration = TLSConfiguration(
            pairs: zip(certificates, keys).map { TLSConfiguration.Pair(certificateFile: $0, keyFile: $1) })
        configuration.minimumVersion = minimumVersion
        configuration.unknownName = unknownName
        configuration.clientAuthentication = clientAuthentication
        configuration.clientAuthoritiesFile = clientAuthorities
        configuration.reloadInterval = reloadInterval
        return configuration
    }
}
