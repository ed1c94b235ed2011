import JSON

/// What a request says about its prompt: messages, tools, and how the template renders them. All routes that take a
/// chat read it, whether they answer it, count it or show it.
struct ChatInput: Sendable {
    /// As the template takes them: every `content` is a string or a list of text parts.
    var messages: [JSONValue]
    var tools: ToolFields
    var reasoning: ReasoningFields
    /// The prompt ends with the beginning of the assistant's turn.
    var addsGenerationPrompt: Bool
    /// The prompt ends with the last message's text, which the answer continues (`continue_final_message`).
    var continuesFinalMessage: Bool

    init(reading fields: inout RequestFields) throws(APIError) {
        messages = try ChatMessages.read(&fields)
        tools = try ToolFields(reading: &fields)
        reasoning = try ReasoningFields(reading: &fields)
        continuesFinalMessage = try fields.bool("continue_final_message") ?? false
        addsGenerationPrompt = try fields.bool("add_generation_prompt") ?? !continuesFinalMessage
        guard continuesFinalMessage else { return }
        guard !addsGenerationPrompt, !tools.isForced else {
            let other = addsGenerationPrompt ? "add_generation_prompt" : "tool_choice"
            throw .invalid(
                "continue_final_message",
                "'continue_final_message' is not allowed together with '\(other)': the prompt ends in one way.",
                code: "unsupported_value")
        }
    }
}
