import JSON

/// What a request says about tools: `tools`, `tool_choice`, `parallel_tool_calls`.
struct ToolFields: Sendable, Equatable {
    enum Choice: Sendable, Equatable {
        /// No call: the model does not hear of the tools.
        case none
        case auto
        /// A call, whichever.
        case required
        /// A call of this function, and of no other.
        case function(String)
    }

    /// The tools that may be called now, as the client describes them.
    var tools: [JSONValue] = []
    var choice = Choice.none
    var allowsParallelCalls = true
    /// Fields without effect.
    var ignoredNames: [String] = []

    init() {}

    init(reading fields: inout RequestFields) throws(APIError) {
        tools = try readTools(&fields)
        try Self.refuseLegacy(&fields)
        choice = tools.isEmpty ? .none : .auto
        try readChoice(&fields)
        allowsParallelCalls = try fields.bool("parallel_tool_calls") ?? true
        if choice == .none { tools = [] }
    }

    /// The one function that a call must be of, if there is only one that it can be of.
    var onlyName: String? {
        switch choice {
        case .none, .auto: nil
        case .function(let name): name
        case .required: tools.count == 1 ? Self.name(of: tools[0]) : nil
        }
    }

    var isForced: Bool {
        switch choice {
        case .none, .auto: false
        case .required, .function: true
        }
    }

    /// How many calls an answer may have. Where one function is named, it is called once, as at OpenAI.
    var callsMax: Int {
        if case .function = choice { return 1 }
        return allowsParallelCalls ? Int.max : 1
    }

    // MARK: - Tools

    private mutating func readTools(_ fields: inout RequestFields) throws(APIError) -> [JSONValue] {
        let elements = try fields.array("tools") ?? []
        guard elements.count <= APILimits.toolCountMax else {
            throw .invalid(
                "tools",
                "'tools' has \(elements.count) tools, but may have at most \(APILimits.toolCountMax).",
                code: "array_above_max_length")
        }
        var names: Set<String> = []
        for (index, element) in elements.enumerated() {
            let path = "tools[\(index)]"
            let name = try readTool(element, path)
            guard names.insert(name).inserted else {
                throw .invalid(
                    path + ".function.name", "'\(path).function.name' is '\(name)', as an earlier tool's is.",
                    code: "invalid_value")
            }
        }
        return elements
    }

    private mutating func readTool(_ tool: JSONValue, _ path: String) throws(APIError) -> String {
        guard let members = tool.object else {
            throw .wrongType(path, tool, "an object with 'type' and 'function'")
        }
        var fields = RequestFields(members, path: path + ".")
        guard let type = try fields.string("type") else { throw fields.missing("type", "'function'") }
        guard type == "function" else {
            throw .invalid(
                path + ".type", "'\(path).type' is '\(type.prefix(64))', but only 'function' is supported.",
                code: "unsupported_value")
        }
        guard let function = try fields.object("function") else {
            throw fields.missing("function", "an object with a 'name'")
        }
        var description = RequestFields(function, path: path + ".function.")
        guard let name = try description.string("name") else { throw description.missing("name", "a string") }
        try Self.check(name, path + ".function.name")
        _ = try description.string("description")
        _ = try description.object("parameters")
        // Arguments are not constrained to the schema yet.
        if try description.bool("strict") ?? false { ignoredNames.append(path + ".function.strict") }
        return name
    }

    /// A name may stand in a prompt as if the template had written it, so it must not look like a control token.
    private static func check(_ name: String, _ path: String) throws(APIError) {
        let isPlain = name.utf8.allSatisfy { byte in
            RandomName.alphabet.contains(byte) || "_-.:/".utf8.contains(byte)
        }
        guard isPlain, (1...APILimits.toolNameBytesMax).contains(name.utf8.count) else {
            throw .invalid(
                path,
                "'\(path)' must have 1 to \(APILimits.toolNameBytesMax) letters, digits and characters of '_-.:/'.",
                code: "invalid_value")
        }
    }

    private static func name(of tool: JSONValue) -> String? { tool["function"]?["name"]?.string }

    // MARK: - Choice

    private mutating func readChoice(_ fields: inout RequestFields) throws(APIError) {
        guard let value = fields.take("tool_choice") else { return }
        switch value {
        case .string("none"): choice = .none
        case .string("auto"): break
        case .string("required"):
            try needTools("tool_choice")
            choice = .required
        case .string(let word):
            throw .invalid(
                "tool_choice",
                "'tool_choice' is '\(word.prefix(64))', but must be 'none', 'auto', 'required' or an object.",
                code: "invalid_value")
        case .object(let members): try readChoice(members)
        default: throw fields.wrongType("tool_choice", value, "'none', 'auto', 'required' or an object")
        }
    }

    private mutating func readChoice(_ members: JSONObject) throws(APIError) {
        try needTools("tool_choice")
        switch members["type"]?.string {
        case "function":
            choice = .function(try readName(.object(members), "tool_choice"))
        case "allowed_tools":
            guard let allowed = members["allowed_tools"]?.object, let listed = allowed["tools"]?.array,
                !listed.isEmpty
            else {
                throw .invalid(
                    "tool_choice.allowed_tools",
                    "'tool_choice.allowed_tools' must be an object with a 'mode' and at least one of 'tools'.",
                    code: "invalid_value")
            }
            var names: Set<String> = []
            for (index, tool) in listed.enumerated() {
                names.insert(try readName(tool, "tool_choice.allowed_tools.tools[\(index)]"))
            }
            switch allowed["mode"]?.string {
            case "auto": choice = .auto
            case "required": choice = .required
            default:
                throw .invalid(
                    "tool_choice.allowed_tools.mode",
                    "'tool_choice.allowed_tools.mode' must be 'auto' or 'required'.", code: "invalid_value")
            }
            tools.removeAll { tool in Self.name(of: tool).map { !names.contains($0) } ?? true }
        default:
            throw .invalid(
                "tool_choice.type", "'tool_choice.type' must be 'function' or 'allowed_tools'.",
                code: "invalid_value")
        }
    }

    /// The name in `{"type": "function", "function": {"name": …}}`, which must be a tool's.
    private func readName(_ value: JSONValue, _ path: String) throws(APIError) -> String {
        guard value["type"]?.string == "function", let name = Self.name(of: value) else {
            throw .invalid(
                path, "'\(path)' must look like {\"type\": \"function\", \"function\": {\"name\": \"…\"}}.",
                code: "invalid_value")
        }
        guard tools.contains(where: { Self.name(of: $0) == name }) else {
            throw .invalid(
                path + ".function.name",
                "'\(path).function.name' is '\(name.prefix(64))', but no tool has this name.",
                code: "invalid_value")
        }
        return name
    }

    private func needTools(_ param: String) throws(APIError) {
        guard tools.isEmpty else { return }
        throw .invalid(
            param, "'\(param)' asks for a call, but the request has no 'tools'.", code: "invalid_value")
    }

    /// `functions` and `function_call` were OpenAI's first form of tools; their answers have another form, too.
    private static func refuseLegacy(_ fields: inout RequestFields) throws(APIError) {
        fields.takeIf("functions") { $0.array?.isEmpty ?? false }
        fields.takeIf("function_call") { $0.string == "none" || $0.string == "auto" }
        for (name, other) in [("functions", "tools"), ("function_call", "tool_choice")]
        where fields.peek(name) != nil && !fields.isUsed(name) {
            throw .invalid(
                name, "'\(name)' is not supported: use '\(other)', which replaced it.",
                code: "unsupported_parameter")
        }
    }
}
