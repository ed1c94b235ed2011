import HTTP
import JSON

/// `GET /v1/requests` and `DELETE /v1/requests/{id}`: what waits and runs for the client, and its end.
enum RequestRoutes {
    static func list(_ request: HTTPRequest, _ register: RequestRegister) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("object")
        writer.string("list")
        writer.key("data")
        writer.beginArray()
        for registered in register.requests(of: request.client) { write(registered, to: &writer) }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    /// Both ids are known: the answer's, and the one that the client gave itself in `x-request-id`.
    static func cancel(_ request: HTTPRequest, _ register: RequestRegister) throws(APIError) -> [UInt8] {
        let id = request.parameters["id"] ?? ""
        let found = register.requests(of: request.client).filter { $0.id == id || $0.caller.requestID == id }
        guard let first = found.first else {
            throw APIError(
                .notFound,
                "No request '\(id.prefix(128))' waits or runs; GET /v1/requests lists those that do.",
                param: "id", code: "request_not_found")
        }
        for registered in found { registered.cancel() }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("id")
        writer.string(first.id)
        writer.key("object")
        writer.string("request")
        writer.key("deleted")
        writer.bool(true)
        writer.endObject()
        return writer.bytes
    }

    private static func write(_ request: RegisteredRequest, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("id")
        writer.string(request.id)
        writer.key("object")
        writer.string("request")
        writer.key("request_id")
        writer.string(request.caller.requestID)
        writer.key("kind")
        writer.string(request.kind)
        writer.key("model")
        writer.string(request.model)
        writer.key("created")
        writer.int(request.created)
        writer.key("status")
        writer.string(request.isRunning.load(ordering: .relaxed) ? "running" : "queued")
        writer.key("prompt_tokens")
        writer.int(request.promptTokens)
        writer.key("completion_tokens")
        writer.int(request.completionTokens.load(ordering: .relaxed))
        writer.endObject()
    }
}
