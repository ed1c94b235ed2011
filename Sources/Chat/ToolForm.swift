import JSON

/// What a template does with tools, calls of them and their results, found out by rendering some.
struct ToolForm: Sendable {
    /// The tools' descriptions come out.
    let showsTools: Bool
    /// Calls of earlier turns come out.
    let showsCalls: Bool
    /// The results of calls come out.
    let showsResults: Bool
    /// Arguments have to be JSON text, because the template does not write values as JSON.
    let wantsArgumentText: Bool
    /// A system message comes out.
    let takesSystem: Bool

    private static let name = "qZ7f"
    private static let key = "qZ7k"
    private static let value = "qZ7v"
    private static let result = "qZ7r"

    private static let user: JSONValue = ["role": "user", "content": "Hi"]
    private static let tool: JSONValue = [
        "type": "function",
        "function": [
            "name": "qZ7f", "description": "Tries",
            "parameters": [
                "type": "object", "properties": ["qZ7k": ["type": "string"]], "required": ["qZ7k"],
            ],
        ],
    ]

    init(_ program: Program, knowsCalls: Bool) {
        let withTools = Self.render(program, [Self.user], tools: [Self.tool])
        showsTools = knowsCalls && (withTools?.contains(Self.name) ?? false)
        let tools: JSONValue? = showsTools ? [Self.tool] : nil
        let values = Self.call(arguments: [Self.key: .string(Self.value)])
        let text = Self.call(arguments: "{\"qZ7k\": \"qZ7v\"}")
        let shows = { (call: JSONValue) -> Bool in
            guard let shown = Self.render(program, [Self.user, call], tools: tools) else { return false }
            // A dictionary that is merely printed is no JSON.
            return shown.contains(Self.value) && !shown.contains("{'\(Self.key)'")
        }
        let showsValues = showsTools && shows(values)
        wantsArgumentText = showsTools && !showsValues && shows(text)
        showsCalls = showsValues || wantsArgumentText
        let answer: JSONValue = [
            "role": "tool", "tool_call_id": "qZ7000000", "name": .string(Self.name),
            "content": .string(Self.result),
        ]
        let call = showsCalls ? (wantsArgumentText ? text : values) : ["role": "assistant", "content": "Yes"]
        showsResults =
            Self.render(program, [Self.user, call, answer], tools: tools)?.contains(Self.result) ?? false
        let system: JSONValue = ["role": "system", "content": .string(Self.value)]
        takesSystem = Self.render(program, [system, Self.user], tools: nil)?.contains(Self.value) ?? false
    }

    private static func call(arguments: JSONValue) -> JSONValue {
        [
            "role": "assistant", "content": "",
            "tool_calls": [
                [
                    // Mistral's templates want nine characters.
                    "id": "qZ7000000", "type": "function",
                    "function": ["name": .string(name), "arguments": arguments],
                ]
            ],
        ]
    }

    private static func render(_ program: Program, _ messages: [JSONValue], tools: JSONValue?) -> String? {
        let variables: [(name: String, value: Value)] = [
            ("messages", .list(ListValue(messages.map(ChatTemplate.value(ofMessage:))))),
            ("tools", tools.map(Value.init(request:)) ?? .none), ("documents", .none),
            ("add_generation_prompt", .bool(true)), ("bos_token", .text("")), ("eos_token", .text("")),
        ]
        return try? program.run(variables, now: 0).text
    }
}
