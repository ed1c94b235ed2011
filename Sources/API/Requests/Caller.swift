import HTTP

/// Who sent a request, and what they call it.
struct Caller: Sendable, Equatable {
    /// Whose API key came with it; nil where there are no keys.
    var client: String?
    /// `x-request-id`, the client's own or one that was made.
    var requestID = ""

    init() {}

    init(_ request: HTTPRequest) {
        client = request.client
        requestID = request.id
    }
}
