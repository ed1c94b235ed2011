import JSON

/// Tools for templates that have no place for them: the tools' descriptions, calls and results become text.
///
/// The wording is the one of Hermes and Qwen, which models that were trained on calls at all know best.
enum ToolPrompt {
    /// How calls come then.
    static let syntax: CallSyntax = {
        var calls = ObjectCalls("<tool_call>", "</tool_call>")
        calls.gap = "\n"
        return .objects(calls)
    }()

    static func description(of tools: [JSONValue]) -> String {
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
            + "You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n"
            + tools.map { $0.text + "\n" }.joined()
            + "</tools>\n\nFor each function call, return a json object with function name and arguments within "
            + "<tool_call></tool_call> XML tags:\n<tool_call>\n"
            + #"{"name": <function-name>, "arguments": <args-json-object>}"# + "\n</tool_call>"
    }

    /// Puts a text where the model reads it first: into the system message, or into the first user's message when
    /// the template has no place for a system message.
    static func add(_ text: String, to messages: [JSONValue], takesSystem: Bool) -> [JSONValue] {
        var messages = messages
        let role = takesSystem ? "system" : "user"
        guard let first = messages.first?.object, first["role"]?.string == role else {
            return [["role": .string(role), "content": .string(text)]] + messages
        }
        messages[0] = .object(first.withContent(prefixed(role, text, first.contentText)))
        return messages
    }

    /// A system message's own text stays first; a user's question stays last.
    private static func prefixed(_ role: String, _ text: String, _ own: String) -> String {
        role == "system" ? own + "\n\n" + text : text + "\n\n" + own
    }

    /// Calls become the text of their message, written as the model writes them.
    static func callsAsText(_ messages: [JSONValue], _ syntax: CallSyntax) -> [JSONValue] {
        messages.map { message in
            guard var members = message.object, let calls = members["tool_calls"]?.array, !calls.isEmpty
            else {
                return message
            }
            let own = members.contentText
            members["tool_calls"] = nil
            members = members.withContent(own + (own.isEmpty ? "" : "\n") + syntax.text(of: calls))
            return .object(members)
        }
    }

    /// Results become a user's message; those of one turn, and what the user says behind them, become one, because
    /// such templates often insist on alternating roles.
    static func resultsAsText(_ messages: [JSONValue]) -> [JSONValue] {
        var adapted: [JSONValue] = []
        var isBehindResult = false
        for message in messages {
            guard let members = message.object, let role = members["role"]?.string else { continue }
            let isResult = role == "tool" || role == "function"
            var text = members.contentText
            if isResult { text = "<tool_response>\n" + text + "\n</tool_response>" }
            if isBehindResult, isResult || role == "user", let last = adapted.popLast()?.object {
                adapted.append(.object(last.withContent(last.contentText + "\n" + text)))
            } else {
                adapted.append(isResult ? ["role": "user", "content": .string(text)] : message)
            }
            isBehindResult = isResult
        }
        return adapted
    }
}

extension JSONObject {
    fileprivate func withContent(_ text: String) -> JSONObject {
        var copy = self
        copy["content"] = .string(text)
        return copy
    }

    /// A message's content as text: parts one below the other, what is no text left out.
    fileprivate var contentText: String {
        switch self["content"] ?? .null {
        case .string(let text): text
        case .array(let parts): parts.compactMap { $0.string ?? $0["text"]?.string }.joined(separator: "\n")
        default: ""
        }
    }
}

extension JSONValue {
    /// JSON, as Python's `json.dumps` writes it without escaping what is not ASCII: models know this form.
    var text: String {
        switch self {
        case .object(let members):
            return "{"
                + members.map { JSONValue.string($0.key).text + ": " + $0.value.text }.joined(separator: ", ")
                + "}"
        case .array(let elements): return "[" + elements.map(\.text).joined(separator: ", ") + "]"
        default:
            var writer = JSONWriter()
            writer.value(self)
            return String(decoding: writer.bytes, as: UTF8.self)
        }
    }
}

extension CallSyntax {
    /// Calls of the history, for a template that does not write them itself.
    func text(of calls: [JSONValue]) -> String {
        let functions = calls.compactMap { $0["function"] }
        switch self {
        case .pythonic(let syntax):
            let written = functions.map { function in
                let arguments = (function["arguments"]?.object ?? JSONObject())
                    .map { $0.key + "=" + Self.python($0.value) }
                return (function["name"]?.string ?? "") + "(" + arguments.joined(separator: ", ") + ")"
            }
            return syntax.open + "[" + written.joined(separator: ", ") + "]" + syntax.close
        case .objects(let syntax):
            let objects = functions.map { Self.object($0, syntax) }
            if syntax.isList {
                return syntax.open + "[" + objects.joined(separator: ", ") + "]" + syntax.close
            }
            return objects.map { syntax.open + syntax.gap + $0 + syntax.gap + syntax.close }
                .joined(separator: "\n")
        case .named, .tagged, .gemma, .harmony:
            // Templates of these families write calls themselves.
            guard case .objects(let syntax) = ToolPrompt.syntax else { return "" }
            return functions.map { syntax.open + "\n" + Self.object($0, syntax) + "\n" + syntax.close }
                .joined(separator: "\n")
        }
    }

    private static func object(_ function: JSONValue, _ syntax: ObjectCalls) -> String {
        let name = JSONValue.string(function["name"]?.string ?? "").text
        let arguments = (function["arguments"] ?? .object(JSONObject())).text
        if syntax.nameIsKey { return "{" + name + ": " + arguments + "}" }
        return syntax.nameLead + name + syntax.argumentsLead + " " + arguments + "}"
    }

    private static func python(_ value: JSONValue) -> String {
        switch value {
        case .null: "None"
        case .bool(let flag): flag ? "True" : "False"
        case .array(let elements): "[" + elements.map(python).joined(separator: ", ") + "]"
        case .object(let members):
            "{"
                + members.map { JSONValue.string($0.key).text + ": " + python($0.value) }.joined(
                    separator: ", ")
                + "}"
        default: value.text
        }
    }
}
