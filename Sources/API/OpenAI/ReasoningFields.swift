import JSON

/// What a request says about reasoning: `reasoning_effort`, `reasoning_format`, and variables for the template.
struct ReasoningFields: Sendable, Equatable {
    private static let efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"]
    private static let formats = ["none", "auto", "deepseek"]

    /// Reasoning goes to `reasoning_content`; else it stays in the text as the model wrote it.
    var isSeparate = true
    /// More variables for the template.
    var templateArguments = JSONObject()

    init() {}

    init(reading fields: inout RequestFields) throws(APIError) {
        let given = try fields.object("chat_template_kwargs") ?? JSONObject()
        if let effort = try Self.word("reasoning_effort", of: Self.efforts, &fields) {
            if effort == "none" {
                // Two names for the same switch: Qwen's, and the one of DeepSeek and Granite.
                templateArguments["enable_thinking"] = false
                templateArguments["thinking"] = false
            }
            templateArguments["reasoning_effort"] = .string(effort)
        }
        // What a client says itself wins.
        for (name, value) in given { templateArguments[name] = value }
        isSeparate = try Self.word("reasoning_format", of: Self.formats, &fields) != "none"
    }

    private static func word(
        _ name: String, of words: [String], _ fields: inout RequestFields
    ) throws(APIError) -> String? {
        guard let word = try fields.string(name) else { return nil }
        guard words.contains(word) else {
            throw .invalid(
                name,
                "'\(name)' is '\(word.prefix(64))', but must be one of \(words.joined(separator: ", ")).",
                code: "invalid_value")
        }
        return word
    }
}
