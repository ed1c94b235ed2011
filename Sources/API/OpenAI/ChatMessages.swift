import JSON

/// Checks the messages of a chat and brings them into the form that templates know: `content` is a string or text
/// parts, `developer` is `system`, and the arguments of earlier tool calls are values, not text.
enum ChatMessages {
    private static let roles = ["system", "developer", "user", "assistant", "tool", "function"]

    static func read(_ fields: inout RequestFields) throws(APIError) -> [JSONValue] {
        guard let elements = try fields.array("messages") else {
            throw fields.missing(
                "messages", "an array of messages such as {\"role\": \"user\", \"content\": \"…\"}")
        }
        guard (1...APILimits.messageCountMax).contains(elements.count) else {
            throw .invalid(
                "messages",
                "'messages' has \(elements.count) messages, but must have 1 to \(APILimits.messageCountMax).",
                code: "invalid_value")
        }
        var messages: [JSONValue] = []
        for (index, element) in elements.enumerated() {
            messages.append(.object(try message(element, path: "messages[\(index)]")))
        }
        return messages
    }

    private static func message(_ value: JSONValue, path: String) throws(APIError) -> JSONObject {
        guard var message = value.object else {
            throw .wrongType(path, value, "an object with 'role' and 'content'")
        }
        guard let role = message["role"] else {
            throw .invalid(path + ".role", "'\(path).role' is missing.", code: "missing_required_parameter")
        }
        guard let name = role.string, roles.contains(name) else {
            let found = role.string.map { "'\($0.prefix(64))'" } ?? "of the wrong type"
            throw .invalid(
                path + ".role",
                "'\(path).role' is \(found), but must be one of \(roles.joined(separator: ", ")).",
                code: "invalid_value")
        }
        if name == "developer" { message["role"] = "system" }
        try checkStrings(["name", "tool_call_id"], of: message, path: path)
        try shareReasoning(&message, path: path)
        let calls = try toolCalls(message, path: path)
        if let calls { message["tool_calls"] = .array(calls) }
        message["content"] = try content(
            message, path: path, mayBeAbsent: name == "assistant" && calls != nil)
        return message
    }

    /// Templates write these as they are.
    private static func checkStrings(
        _ names: [String], of object: JSONObject, path: String
    ) throws(APIError) {
        for name in names {
            guard let value = object[name], !value.isNull, value.string == nil else { continue }
            throw .wrongType("\(path).\(name)", value, "a string")
        }
    }

    /// Clients send back what was thought under one of two names; templates read one or the other.
    private static func shareReasoning(_ message: inout JSONObject, path: String) throws(APIError) {
        for (name, other) in [("reasoning_content", "reasoning"), ("reasoning", "reasoning_content")] {
            guard let value = message[name], !value.isNull else { continue }
            guard value.string != nil else { throw .wrongType("\(path).\(name)", value, "a string") }
            if message[other]?.isNull ?? true { message[other] = value }
        }
    }

    private static func content(
        _ message: JSONObject, path: String, mayBeAbsent: Bool
    ) throws(APIError) -> JSONValue {
        let path = path + ".content"
        switch message["content"] ?? .null {
        case .string(let text): return .string(text)
        case .array(let parts):
            for (index, part) in parts.enumerated() { try checkText(part, path: "\(path)[\(index)]") }
            return .array(parts)
        case .null where mayBeAbsent: return ""
        case .null:
            throw .invalid(
                path, "'\(path)' is missing: it must be a string or an array of text parts.",
                code: "missing_required_parameter")
        case let other: throw .wrongType(path, other, "a string or an array of text parts")
        }
    }

    private static func checkText(_ part: JSONValue, path: String) throws(APIError) {
        guard let members = part.object else {
            throw .wrongType(path, part, "an object such as {\"type\": \"text\", \"text\": \"…\"}")
        }
        guard let type = members["type"]?.string else {
            throw .invalid(
                path + ".type", "'\(path).type' is missing or no string.", code: "missing_required_parameter")
        }
        guard type == "text" else {
            throw .invalid(
                path + ".type", "'\(path).type' is '\(type.prefix(64))', but the model reads only 'text'.",
                code: "unsupported_value")
        }
        guard members["text"]?.string != nil else {
            throw .invalid(
                path + ".text", "'\(path).text' is missing or no string.", code: "missing_required_parameter")
        }
    }

    private static func toolCalls(_ message: JSONObject, path: String) throws(APIError) -> [JSONValue]? {
        let path = path + ".tool_calls"
        guard let value = message["tool_calls"], !value.isNull else { return nil }
        guard let calls = value.array else { throw .wrongType(path, value, "an array of tool calls") }
        guard !calls.isEmpty else { return nil }
        var read: [JSONValue] = []
        for (index, call) in calls.enumerated() { read.append(try toolCall(call, path: "\(path)[\(index)]")) }
        return read
    }

    private static func toolCall(_ value: JSONValue, path: String) throws(APIError) -> JSONValue {
        guard var call = value.object, var function = call["function"]?.object,
            function["name"]?.string != nil
        else {
            throw .invalid(
                path, "'\(path)' must be an object with a 'function' that has a 'name' and 'arguments'.",
                code: "invalid_type")
        }
        try checkStrings(["id", "type"], of: call, path: path)
        let argumentPath = path + ".function.arguments"
        switch function["arguments"] ?? .null {
        case .string(let text): function["arguments"] = try arguments(text, path: argumentPath)
        case .object: break
        // Some clients send nothing for a function without parameters.
        case .null: function["arguments"] = .object(JSONObject())
        case let other: throw .wrongType(argumentPath, other, "an object, or one as JSON text")
        }
        call["function"] = .object(function)
        return .object(call)
    }

    /// The arguments of a call come as JSON text and go to the template as an object.
    private static func arguments(_ text: String, path: String) throws(APIError) -> JSONValue {
        if text.utf8.allSatisfy({ $0 == 0x20 || (0x09...0x0D).contains($0) }) { return .object(JSONObject()) }
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue.parse(text)
        } catch {
            throw .invalid(path, "'\(path)' is not valid JSON: \(error)", code: "invalid_json")
        }
        guard value.object != nil else { throw .wrongType(path, value, "an object, as JSON text") }
        return value
    }
}
