/// One line of an access log: what was asked and how it ended.
public struct RequestSummary: Sendable {
    public let id: String
    public let peer: String
    /// The name of its API key.
    public let client: String?
    /// Nil when the request line could not be read.
    public let method: HTTPMethod?
    /// As sent, without the query; empty when the request line could not be read.
    public let path: String
    /// Of the response head that was sent; nil when the client was gone before any.
    public let status: HTTPStatus?
    /// Bytes of the response body, before chunk framing.
    public let bodyBytes: Int
    /// From the first byte of the request to the end of the response, in nanoseconds.
    public let durationNanoseconds: UInt64
    /// False when the connection ended before the response did.
    public let isComplete: Bool

    public init(
        id: String, peer: String, client: String? = nil, method: HTTPMethod?, path: String,
        status: HTTPStatus?,
        bodyBytes: Int, durationNanoseconds: UInt64, isComplete: Bool
    ) {
        self.id = id
        self.peer = peer
        self.client = client
        self.method = method
        self.path = path
        self.status = status
        self.bodyBytes = bodyBytes
        self.durationNanoseconds = durationNanoseconds
        self.isComplete = isComplete
    }
}
