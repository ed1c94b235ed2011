/// What a server needs to speak TLS (RFC 8446, RFC 5246): TLS 1.3 and 1.2, with forward secrecy and authenticated
/// encryption only.
///
/// Sessions are not resumed and there are no tickets: each connection has keys of its own, no key of the process
/// opens an old one, and a client's certificate is checked every time. Clients that keep connections pay nothing.
public struct TLSConfiguration: Sendable, Equatable {
    public enum Version: String, Sendable, CaseIterable {
        case tls12 = "1.2"
        case tls13 = "1.3"
    }

    /// Whether clients show certificates.
    public enum ClientAuthentication: String, Sendable, CaseIterable {
        case off
        /// A client may show none; one that it shows must be good.
        case optional
        case required
    }

    /// What a client gets that names a server which no certificate is for. One that names none gets the first.
    public enum UnknownName: String, Sendable, CaseIterable {
        /// The first certificate.
        case first
        /// The alert `unrecognized_name`.
        case refuse
    }

    /// A certificate with its key.
    public struct Pair: Sendable, Equatable {
        /// PEM: the certificate, then those that lead to a root.
        public var certificateFile: String
        /// PEM, not encrypted. May be the same file.
        public var keyFile: String

        public init(certificateFile: String, keyFile: String) {
            self.certificateFile = certificateFile
            self.keyFile = keyFile
        }
    }

    /// Pairs that one server may have.
    public static let pairsMax = 64

    /// The first one that is for the name that the client asks for is shown, and the first of all to a client that
    /// names nothing.
    public var pairs: [Pair]
    public var minimumVersion = Version.tls12
    public var unknownName = UnknownName.first
    public var clientAuthentication = ClientAuthentication.off
    /// PEM: the roots of clients' certificates. Needed unless `clientAuthentication` is off.
    public var clientAuthoritiesFile: String?
    /// How often the files are looked at. They are read again when they changed, and then stayed as they are until
    /// the next look.
    public var reloadInterval: Duration = .seconds(5)

    public init(pairs: [Pair]) {
        self.pairs = pairs
    }

    /// Everything that is read.
    var files: [String] {
        pairs.flatMap { [$0.certificateFile, $0.keyFile] } + (clientAuthoritiesFile.map { [$0] } ?? [])
    }
}
