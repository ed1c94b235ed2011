/// The methods that this server may serve. Method names are case-sensitive (RFC 9110 §9.1); any other one is
/// answered 501, and CONNECT and TRACE are among those on purpose: neither has a use here, both have misuses.
public enum HTTPMethod: String, Sendable, CaseIterable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"
    case options = "OPTIONS"

    /// - Parameter name: As it stands in a request line.
    init?(_ name: ArraySlice<UInt8>) {
        let (candidate, text): (HTTPMethod, StaticString)
        switch (name.first, name.count) {
        case (UInt8(ascii: "G"), _): (candidate, text) = (.get, "GET")
        case (UInt8(ascii: "H"), _): (candidate, text) = (.head, "HEAD")
        case (UInt8(ascii: "P"), 4): (candidate, text) = (.post, "POST")
        case (UInt8(ascii: "P"), 3): (candidate, text) = (.put, "PUT")
        case (UInt8(ascii: "P"), _): (candidate, text) = (.patch, "PATCH")
        case (UInt8(ascii: "D"), _): (candidate, text) = (.delete, "DELETE")
        case (UInt8(ascii: "O"), _): (candidate, text) = (.options, "OPTIONS")
        default: return nil
        }
        guard ASCII.equals(name, text) else { return nil }
        self = candidate
    }

    /// The body of such a request means nothing (RFC 9110 §9.3); it is read and dropped.
    var ignoresBody: Bool { self == .get || self == .head || self == .options }
}
