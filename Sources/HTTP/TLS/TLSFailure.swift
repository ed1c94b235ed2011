/// Why a session ended before its time.
public enum TLSFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// The client speaks HTTP without TLS.
    case plainHTTP
    /// The two sides did not come to an agreement.
    case handshake(String)
    /// The client went away, or was too slow, before they did.
    case unfinishedHandshake
    /// What came is not what the other side sent.
    case record(String)
    /// The connection ended without close_notify: what came last may be missing (RFC 8446 §6.1).
    case truncated

    public var description: String {
        switch self {
        case .plainHTTP: "the client speaks HTTP without TLS"
        case .handshake(let reason): "the TLS handshake failed: \(reason)"
        case .unfinishedHandshake: "the TLS handshake was not finished"
        case .record(let reason): "the TLS connection broke: \(reason)"
        case .truncated: "the TLS connection ended without close_notify"
        }
    }
}
