/// A request's first line and fields, checked.
///
/// A class, because the parser, the machine and the request under way all hold it.
final class RequestHead: Sendable {
    enum Version: Sendable { case http10, http11 }

    /// How the body's end is found (RFC 9112 §6.3).
    enum Framing: Sendable, Equatable {
        case none
        /// Content-Length, in bytes; not zero.
        case length(Int)
        case chunked
    }

    let method: HTTPMethod
    /// As sent, or `*`.
    let path: String
    let query: String?
    /// Of an absolute-form target.
    let authority: String?
    let version: Version
    let fields: HTTPFields
    let framing: Framing
    /// How the body is packed.
    let coding: ContentCoding
    /// The client wants to keep the connection.
    let isPersistent: Bool
    /// The client waits for 100 before it sends the body.
    let expectsContinue: Bool

    init(
        _ line: RequestLine, fields: HTTPFields, framing: Framing, coding: ContentCoding, isPersistent: Bool,
        expectsContinue: Bool
    ) {
        method = line.method
        path = line.path
        query = line.query
        authority = line.authority
        version = line.version
        self.fields = fields
        self.framing = framing
        self.coding = coding
        self.isPersistent = isPersistent
        self.expectsContinue = expectsContinue
    }
}

extension RequestHead: Equatable {
    static func == (one: RequestHead, other: RequestHead) -> Bool {
        one.method == other.method && one.path == other.path && one.query == other.query
            && one.authority == other.authority && one.version == other.version && one.fields == other.fields
            && one.framing == other.framing && one.coding == other.coding
            && one.isPersistent == other.isPersistent && one.expectsContinue == other.expectsContinue
    }
}
