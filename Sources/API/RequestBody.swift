import HTTP
import JSON

extension HTTPRequest {
    /// The body of a JSON route: an object.
    func jsonObject() throws(APIError) -> JSONObject {
        try requireJSON()
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue.parse(body)
        } catch {
            throw APIError(.badRequest, "The body is not valid JSON: \(error)", code: "invalid_json")
        }
        guard let object = value.object else {
            throw APIError(
                .badRequest, "The body is JSON of type \(value.typeName), but must be an object.",
                code: "invalid_type")
        }
        return object
    }

    /// A body of another type is refused; one without a type is read as JSON.
    private func requireJSON() throws(APIError) {
        guard let type = headers["Content-Type"] else { return }
        let media = type.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
        guard media.utf8.elementsEqual("application/json".utf8, by: { $0 | 0x20 == $1 | 0x20 }) else {
            throw APIError(
                .unsupportedMediaType,
                "The Content-Type is '\(type.prefix(128))', but must be application/json.",
                code: "unsupported_media_type")
        }
    }
}
