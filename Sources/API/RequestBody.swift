import HTTP
import JSON

extension HTTPRequest {
    /// The body of a JSON route (`takesJSON`): an object.
    func jsonObject() throws(APIError) -> JSONObject {
        guard !body.isEmpty else {
            throw APIError(.badRequest, "The body is empty, but must be a JSON object.", code: "empty_body")
        }
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
}
