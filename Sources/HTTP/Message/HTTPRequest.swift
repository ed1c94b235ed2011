/// A request that was received whole: its head passed every check of the wire, its body is complete.
public struct HTTPRequest: Sendable {
    public let method: HTTPMethod
    /// As sent, percent-escapes included, without the query.
    public let path: String
    /// What followed the `?`, as sent.
    public let query: String?
    /// All header lines in their order.
    public let headers: HTTPFields
    public let body: [UInt8]
    /// The client's `x-request-id` when it was a fit one, otherwise made here. Every answer carries it.
    public let id: String
    /// Who asks: the address of the other end, `192.0.2.1:4711` or `[2001:db8::1]:4711`, or what the PROXY header or a
    /// trusted proxy says instead, then perhaps without a port. `unix pid=4711 uid=1000` for a unix socket.
    public let peer: String
    /// The name of the API key that came with it; nil where none is asked for.
    public let client: String?
    /// What the `{name}` segments of the route's pattern matched, percent-decoded.
    public let parameters: [String: String]
    /// The subject of the certificate by which the client authenticated itself, `CN=alice,O=Example` (RFC 2253).
    public let clientSubject: String?

    public init(
        method: HTTPMethod, path: String, query: String? = nil, headers: HTTPFields = [:], body: [UInt8] = [],
        id: String = "", peer: String = "", client: String? = nil, parameters: [String: String] = [:],
        clientSubject: String? = nil
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.id = id
        self.peer = peer
        self.client = client
        self.parameters = parameters
        self.clientSubject = clientSubject
    }
}
