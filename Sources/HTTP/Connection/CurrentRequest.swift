/// The request under way on a connection, from its first byte to the end of its response. Confined to the loop.
final class CurrentRequest {
    let startedAt: UInt64
    let id: String
    /// Whose request it is.
    let peer: String
    /// Nil when what came was none that could be read.
    let head: RequestHead?
    var match: Router.Match?
    /// Whose key came with it.
    var client: String?
    /// What the answer says to pages of other origins.
    var crossOrigin: HTTPFields = [:]
    var exchange: Exchange?
    var status: HTTPStatus?
    var isEventStream = false
    var bodyBytes = 0
    /// Counted as active.
    var isServed = false

    init(startedAt: UInt64, id: String, peer: String, head: RequestHead? = nil) {
        self.startedAt = startedAt
        self.id = id
        self.peer = peer
        self.head = head
    }

    /// As handlers see it; nil without a head.
    func request(body: [UInt8], parameters: [String: String], clientSubject: String?) -> HTTPRequest? {
        guard let head else { return nil }
        return HTTPRequest(
            method: head.method, path: head.path, query: head.query, headers: head.fields, body: body,
            id: id, peer: peer, client: client, parameters: parameters, clientSubject: clientSubject)
    }

    /// For the access log.
    func summary(now: UInt64, isComplete: Bool) -> RequestSummary {
        RequestSummary(
            id: id, peer: peer, client: client, method: head?.method, path: head?.path ?? "", status: status,
            bodyBytes: bodyBytes, durationNanoseconds: now - startedAt, isComplete: isComplete)
    }
}
