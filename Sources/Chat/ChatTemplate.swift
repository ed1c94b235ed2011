import Glibc
import JSON

/// A model's chat template: turns messages into the prompt that the model was trained on.
///
/// Templates are written in Jinja. This is the environment that Hugging Face's `apply_chat_template` gives
/// them (`trim_blocks`, `lstrip_blocks`, loop controls, `tojson`, `raise_exception`, `strftime_now`,
/// `generation`), sandboxed: nothing but the values that are passed in can be reached, and every cost has a
/// limit.
public final class ChatTemplate: Sendable {
    /// As it was given.
    public let source: String
    private let program: Program
    private let bosToken: String
    private let eosToken: String
    /// How the template wants a message's content; found out by trying.
    private let contentForm: ContentForm
    /// What it does with tools, calls and results; found out by trying.
    private let toolForm: ToolForm
    /// How the model marks reasoning and calls in its answers.
    public let answerFormat: AnswerFormat

    private enum ContentForm { case text, parts, either }

    /// Reads a template. `bosToken` and `eosToken` are the texts of those tokens; they count as the
    /// template's own.
    public init(source: String, bosToken: String, eosToken: String) throws(TemplateError) {
        self.source = source
        program = try Program(source: source)
        self.bosToken = bosToken
        self.eosToken = eosToken
        let trial = Trial(program)
        contentForm =
            switch (trial.takesText, trial.takesParts) {
            case (_, false): .text
            case (false, true): .parts
            case (true, true): .either
            }
        var format = AnswerFormat(templateSource: source)
        toolForm = ToolForm(program, knowsCalls: format.calls != nil)
        // Tools that the template does not show are described in text, which also says how calls are to look.
        if !toolForm.showsTools { format.calls = ToolPrompt.syntax }
        answerFormat = format
    }

    /// Renders a conversation.
    ///
    /// - Parameters:
    ///   - messages: objects with `role`, `content` (a string, or a list of text parts) and what else the
    ///     template reads, like `tool_calls`.
    ///   - tools: the tools' descriptions as OpenAI writes them, or nil.
    ///   - addGenerationPrompt: whether the prompt ends with the beginning of the assistant's turn.
    ///   - extra: further variables, like `enable_thinking`; they do not replace the ones above.
    /// - Returns: the prompt's pieces, neighbours of equal kind joined.
    public func render(
        messages: [JSONValue], tools: JSONValue? = nil, addGenerationPrompt: Bool = true,
        extra: JSONObject = JSONObject()
    ) throws(TemplateError) -> [ChatSegment] {
        var adapted: [JSONValue] = []
        for message in adaptTools(messages, tools) { adapted.append(try adapt(message)) }
        return try renderAsGiven(
            messages: adapted, tools: toolForm.showsTools ? tools.map(Self.completed) : nil,
            addGenerationPrompt: addGenerationPrompt, extra: extra, now: time(nil))
    }

    /// Renders exactly what is given, as Hugging Face's `apply_chat_template` does: nothing is brought into a form that
    /// this template takes.
    ///
    /// - Parameter now: seconds since 1970.
    public func renderAsGiven(
        messages: [JSONValue], tools: JSONValue?, addGenerationPrompt: Bool, extra: JSONObject, now: Int
    ) throws(TemplateError) -> [ChatSegment] {
        var variables: [(name: String, value: Value)] = [("documents", .none)]
        for (name, value) in extra where GlobalFunction(rawValue: name) == nil {
            variables.append((name, Value(request: value)))
        }
        variables += [
            ("messages", .list(ListValue(messages.map(Self.value(ofMessage:))))),
            ("tools", tools.map(Value.init(request:)) ?? .none),
            ("add_generation_prompt", .bool(addGenerationPrompt)),
            ("bos_token", .text(bosToken)), ("eos_token", .text(eosToken)),
        ]
        return try program.run(variables, now: now).segments
    }

    // MARK: - Messages

    /// The roles that a template may weave into its own control tokens, as in `<|user|>`.
    private static let knownRoles: Set<String> = [
        "system", "developer", "user", "assistant", "tool", "function", "ipython", "model", "observation",
    ]

    /// A message's value. All of its text is the request's, but for a role that is one of the known words:
    /// templates that write `'<|' + role + '|>'` need it to be theirs.
    static func value(ofMessage message: JSONValue) -> Value {
        let value = Value(request: message)
        if case .dictionary(let members) = value, let role = message["role"]?.string,
            knownRoles.contains(role)
        {
            members.set(MarkedString("role"), .text(role))
        }
        return value
    }

    /// The messages with as much of tools, calls and results in their text as the template does not show itself.
    private func adaptTools(_ messages: [JSONValue], _ tools: JSONValue?) -> [JSONValue] {
        var adapted = messages
        if !toolForm.showsCalls, let calls = answerFormat.calls {
            adapted = ToolPrompt.callsAsText(adapted, calls)
        }
        if !toolForm.showsResults { adapted = ToolPrompt.resultsAsText(adapted) }
        if !toolForm.showsTools, let tools = tools?.array, !tools.isEmpty {
            let description = ToolPrompt.description(of: tools)
            adapted = ToolPrompt.add(description, to: adapted, takesSystem: toolForm.takesSystem)
        }
        return adapted
    }

    /// The message with its content, and the arguments of its calls, in the form that the template takes.
    private func adapt(_ message: JSONValue) throws(TemplateError) -> JSONValue {
        guard var members = message.object else { return message }
        switch (members["content"], contentForm) {
        case (.array(let parts)?, .text): members["content"] = .string(try Self.joinedText(of: parts))
        case (.string(let text)?, .parts): members["content"] = [["type": "text", "text": .string(text)]]
        default: break
        }
        if toolForm.wantsArgumentText, let calls = members["tool_calls"]?.array {
            members["tool_calls"] = .array(calls.map(Self.withArgumentText))
        }
        // gpt-oss's template has its own name for what was thought before a call.
        if answerFormat.calls == .harmony, members["tool_calls"] != nil, members["thinking"] == nil {
            members["thinking"] = members["reasoning_content"]
        }
        return .object(members)
    }

    /// The tools with all that templates rely on: OpenAI's API lets a function have neither description nor parameters,
    /// but many templates fail without.
    private static func completed(_ tools: JSONValue) -> JSONValue {
        guard let elements = tools.array else { return tools }
        return .array(
            elements.map { tool in
                guard var members = tool.object, var function = members["function"]?.object else {
                    return tool
                }
                if function["description"]?.isNull ?? true { function["description"] = "" }
                var parameters = function["parameters"]?.object ?? JSONObject()
                if parameters["type"] == nil { parameters["type"] = "object" }
                if parameters["properties"] == nil { parameters["properties"] = .object(JSONObject()) }
                function["parameters"] = .object(parameters)
                members["function"] = .object(function)
                return .object(members)
            })
    }

    /// A call whose arguments are JSON text, for templates that do not write them as JSON themselves.
    private static func withArgumentText(_ call: JSONValue) -> JSONValue {
        guard var members = call.object, var function = members["function"]?.object,
            let arguments = function["arguments"], arguments.object != nil
        else { return call }
        function["arguments"] = .string(arguments.text)
        members["function"] = .object(function)
        return .object(members)
    }

    /// The text parts of a content, one below the other.
    ///
    /// Throws for a part of another kind: this template could not show it.
    public static func joinedText(of parts: [JSONValue]) throws(TemplateError) -> String {
        var texts: [String] = []
        for part in parts {
            guard let text = part.string ?? part["text"]?.string else {
                let kind = part["type"]?.string ?? part.typeName
                let message =
                    "a content part of type \"\(kind)\" cannot be shown to this model; it takes text"
                throw TemplateError(kind: .evaluation, message: message, line: 1)
            }
            texts.append(text)
        }
        return texts.joined(separator: "\n")
    }
}

/// What a template does with a content that is a string, and with one that is a list of parts.
private struct Trial {
    let takesText: Bool
    let takesParts: Bool

    init(_ program: Program) {
        let render = { (content: JSONValue) -> String? in
            let message = ChatTemplate.value(ofMessage: ["role": "user", "content": content])
            let variables: [(name: String, value: Value)] = [
                ("messages", .list(ListValue([message]))), ("tools", .none), ("documents", .none),
                ("add_generation_prompt", .bool(true)), ("bos_token", .text("")), ("eos_token", .text("")),
            ]
            return try? program.run(variables, now: 0).text
        }
        let probe = "qZ7x"
        takesText = render(.string(probe))?.contains(probe) ?? false
        // A list that is merely printed shows its members' names, too.
        let parts = render([["type": "text", "text": .string(probe)]])
        takesParts =
            parts.map { $0.contains(probe) && !$0.contains("'text'") && !$0.contains("\"text\"") } ?? false
    }
}
