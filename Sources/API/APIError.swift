import HTTP
import JSON

/// A request that is not served, and why, in the words and the shape of OpenAI's API:
/// `{"error":{"message","type","param","code"}}`.
public struct APIError: Error, Sendable, Equatable {
    public var status: HTTPStatus
    /// What was wrong, where, and what would be right.
    public var message: String
    /// OpenAI's family of the error, such as `invalid_request_error`.
    public var type: String
    /// The request field at fault, such as `messages[0].content`.
    public var param: String?
    /// A word that programs test for, such as `context_length_exceeded`.
    public var code: String?
    /// The numbers behind `context_length_exceeded`, in tokens.
    public var overflow: Overflow?
    /// When trying again is sensible.
    public var retryAfterSeconds: Int?

    public struct Overflow: Sendable, Equatable {
        public var promptTokens: Int
        public var contextTokens: Int
    }

    init(
        _ status: HTTPStatus, _ message: String, type: String = "invalid_request_error",
        param: String? = nil, code: String? = nil
    ) {
        self.status = status
        self.message = message
        self.type = type
        self.param = param
        self.code = code
    }

    /// A field whose value cannot be served.
    static func invalid(_ param: String, _ message: String, code: String? = nil) -> APIError {
        APIError(.badRequest, message, param: param, code: code)
    }

    static func modelNotFound(_ id: String, param: String? = "model") -> APIError {
        APIError(
            .notFound, "The model '\(id.prefix(128))' does not exist here; GET /v1/models lists what does.",
            param: param, code: "model_not_found")
    }

    static func unavailable(_ message: String) -> APIError {
        var error = APIError(.serviceUnavailable, message, type: "unavailable_error", code: "unavailable")
        error.retryAfterSeconds = 1
        return error
    }

    static let deadlineExceeded = APIError(
        .requestTimeout, "'timeout_ms' was over before the first token.", type: "timeout_error",
        param: "timeout_ms", code: "deadline_exceeded")

    /// By `DELETE /v1/requests/{id}`. Clients try again when they are told of a server's error; here they should not.
    static let cancelled = APIError(
        .requestCancelled, "The request was cancelled.", type: "cancelled_error", code: "request_cancelled")

    static func internalFailure(_ message: String) -> APIError {
        APIError(.internalServerError, message, type: "server_error", code: "internal_error")
    }

    /// The message begins as OpenAI's: litellm, and what is built on it, looks for these words and not for
    /// the code.
    static func contextExceeded(prompt: Int, context: Int, param: String) -> APIError {
        var error = APIError.invalid(
            param,
            "This model's maximum context length is \(context) tokens, prompt and answer together, "
                + "but the prompt has \(prompt). Shorten the prompt or ask for fewer tokens.",
            code: "context_length_exceeded")
        error.overflow = Overflow(promptTokens: prompt, contextTokens: context)
        return error
    }
}

extension APIError {
    /// The value of `error` in an answer or in a stream's error event.
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("message")
        writer.string(message)
        writer.key("type")
        writer.string(type)
        writer.key("param")
        writer.optionalString(param)
        writer.key("code")
        writer.optionalString(code)
        if let overflow {
            writer.key("n_prompt_tokens")
            writer.int(overflow.promptTokens)
            writer.key("n_ctx")
            writer.int(overflow.contextTokens)
        }
        writer.endObject()
    }

    /// `{"error":{…}}`
    var encoded: [UInt8] {
        var writer = JSONWriter(reservingCapacity: 256)
        writer.beginObject()
        writer.key("error")
        write(to: &writer)
        writer.endObject()
        return writer.bytes
    }

    var response: HTTPResponse {
        var headers = HTTPFields()
        if let retryAfterSeconds { headers.append("Retry-After", String(retryAfterSeconds)) }
        return .json(encoded, status: status, headers: headers)
    }
}

extension JSONWriter {
    mutating func optionalString(_ text: String?) {
        if let text { string(text) } else { null() }
    }
}
