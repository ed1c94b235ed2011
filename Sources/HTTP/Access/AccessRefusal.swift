/// Why a request was turned away from its head alone. The raw value is its name among the counters.
enum AccessRefusal: String, Sendable, Equatable {
    case missingKey = "missing_api_key"
    case invalidKey = "invalid_api_key"
    case host = "host_not_allowed"
    case authority = "authority_not_allowed"
    case origin = "origin_not_allowed"

    /// The connection ends with the answer: what an intermediary made of the target is not clear.
    var closes: Bool { self == .authority }

    var response: HTTPResponse {
        switch self {
        case .missingKey, .invalidKey:
            .error(
                ErrorBody(message: message, code: "invalid_api_key"), status: .unauthorized,
                headers: ["WWW-Authenticate": #"Bearer realm="apus""#])
        case .host, .origin: .error(ErrorBody(message: message, code: rawValue), status: .forbidden)
        case .authority: .error(ErrorBody(message: message, code: rawValue), status: .badRequest)
        }
    }

    private var message: String {
        switch self {
        case .missingKey:
            "No API key came with the request; send one as 'Authorization: Bearer KEY' or 'x-api-key: KEY'."
        case .invalidKey: "The API key is not one of this server's."
        case .host:
            "This server does not answer for the host that the Host field names; the setting allowed-hosts lists those"
                + " that it answers for."
        case .authority:
            "This server does not answer for the host in the request target; the setting allowed-hosts lists those"
                + " that it answers for."
        case .origin:
            "Pages of this origin may not send requests to this server; the setting cors-origins lists those that may."
        }
    }
}
