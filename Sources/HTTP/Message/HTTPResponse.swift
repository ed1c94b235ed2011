/// An answer that is known whole.
///
/// The server itself writes Date, Server, Content-Length or Transfer-Encoding, Connection and x-request-id;
/// fields of these names in `headers` are dropped.
public struct HTTPResponse: Sendable, Equatable {
    public var status: HTTPStatus
    public var headers: HTTPFields
    public var body: [UInt8]

    public init(status: HTTPStatus = .ok, headers: HTTPFields = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// `json` is the encoded text.
    public static func json(_ json: [UInt8], status: HTTPStatus = .ok, headers: HTTPFields = [:])
        -> HTTPResponse
    {
        var headers = headers
        headers.set("Content-Type", "application/json")
        return HTTPResponse(status: status, headers: headers, body: json)
    }

    public static func text(_ text: String, status: HTTPStatus = .ok, headers: HTTPFields = [:])
        -> HTTPResponse
    {
        var headers = headers
        headers.set("Content-Type", "text/plain; charset=utf-8")
        return HTTPResponse(status: status, headers: headers, body: Array(text.utf8))
    }

    public static func error(_ error: ErrorBody, status: HTTPStatus, headers: HTTPFields = [:])
        -> HTTPResponse
    {
        json(error.encoded, status: status, headers: headers)
    }
}
