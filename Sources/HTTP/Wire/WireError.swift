/// Why a request was refused before any handler saw it.
///
/// The client gets `fault.status`, an error body with the message, and the connection is closed: after a
/// framing or syntax error nobody can say where the next request begins.
struct WireError: Error, Equatable {
    enum Fault: String, CaseIterable, Sendable {
        case requestLine = "request_line"
        case version = "version"
        case method = "method"
        case target = "target"
        case targetTooLong = "target_too_long"
        case field = "field"
        case fieldsTooLarge = "fields_too_large"
        case host = "host"
        case framing = "framing"
        case transferCoding = "transfer_coding"
        case contentCoding = "content_coding"
        case bodyCoding = "body_coding"
        case chunk = "chunk"
        case bodyTooLarge = "body_too_large"
        case inflationRatio = "inflation_ratio"
        case expectation = "expectation"
        case headerTimeout = "header_timeout"
        case bodyTimeout = "body_timeout"
        case plainHTTP = "plain_http"

        var status: HTTPStatus {
            switch self {
            case .requestLine, .target, .field, .host, .framing, .bodyCoding, .chunk, .plainHTTP: .badRequest
            case .version: .httpVersionNotSupported
            case .method, .transferCoding: .notImplemented
            case .targetTooLong: .uriTooLong
            case .fieldsTooLarge: .requestHeaderFieldsTooLarge
            case .contentCoding: .unsupportedMediaType
            case .bodyTooLarge, .inflationRatio: .contentTooLarge
            case .expectation: .expectationFailed
            case .headerTimeout, .bodyTimeout: .requestTimeout
            }
        }
    }

    let fault: Fault
    let message: String
    /// Of the answer.
    let headers: HTTPFields
    /// The limit that the request went past; nil when it was something else, or when who keeps the time counts it.
    let limit: HTTPLimit?

    init(_ fault: Fault, _ message: String, headers: HTTPFields = [:], reached limit: HTTPLimit? = nil) {
        self.fault = fault
        self.message = message
        self.headers = headers
        self.limit = limit
    }

    /// To a client that speaks HTTP without TLS where TLS is spoken.
    static let plainHTTP = WireError(
        .plainHTTP, "This port speaks HTTPS only: use https:// instead of http://.")

    var response: HTTPResponse {
        // Read by people in front of whatever they mistyped the address into.
        if fault == .plainHTTP { return .text(message + "\n", status: fault.status) }
        return .error(
            ErrorBody(message: message, code: fault.rawValue), status: fault.status, headers: headers)
    }
}
