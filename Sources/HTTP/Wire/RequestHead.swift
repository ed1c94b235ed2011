/// A request's first line and fields, checked.
struct RequestHead: Sendable, Equatable {
    enum Version: Sendable { case http10, http11 }

    /// How the body's end is found (RFC 9112 §6.3).
    enum Framing: Sendable, Equatable {
        case none
        /// Content-Length, in bytes; not zero.
        case length(Int)
        case chunked
    }

    var method: HTTPMethod
    /// As sent, or `*`.
    var path: String
    var query: String?
    /// Of an absolute-form target.
    var authority: String?
    var version: Version
    var fields: HTTPFields
    var framing: Framing
    /// How the body is packed.
    var coding: ContentCoding
    /// The client wants to keep the connection.
    var isPersistent: Bool
    /// The client waits for 100 before it sends the body.
    var expectsContinue: Bool
}
