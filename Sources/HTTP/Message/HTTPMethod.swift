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

    /// - Parameter name: Compared byte by byte: `String` calls different bytes equal.
    init?(_ name: ArraySlice<UInt8>) {
        guard let method = Self.allCases.first(where: { name.elementsEqual($0.rawValue.utf8) }) else {
            return nil
        }
        self = method
    }

    /// The body of such a request means nothing (RFC 9110 §9.3); it is read and dropped.
    var ignoresBody: Bool { self == .get || self == .head || self == .options }
}
