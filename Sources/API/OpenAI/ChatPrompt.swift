import Chat
import JSON
import ModelFiles

/// A chat as the model reads it, and how its answers are to be read.
struct ChatPrompt: Sendable {
    let tokens: [TokenID]
    let reading: AnswerReading

    /// - Parameter messages: Those that the model is to see; nil for all of the request's.
    init(
        _ chat: ChatCompletionRequest, _ model: ServedModel, messages: [JSONValue]? = nil
    ) throws(APIError) {
        var segments = try model.render(
            messages ?? chat.messages, tools: chat.tools.tools, addGenerationPrompt: true,
            extra: chat.reasoning.templateArguments)
        var reading = AnswerReading(
            format: model.template?.answerFormat ?? AnswerFormat(),
            separatesReasoning: chat.reasoning.isSeparate,
            tools: chat.tools.tools.isEmpty ? nil : ToolSignatures(chat.tools.tools),
            promptEnd: segments.last.flatMap { $0.isTemplate ? $0.text : nil } ?? [])
        reading.callsMax = chat.tools.callsMax
        if chat.tools.isForced {
            let opening = reading.format.callOpening(
                name: chat.tools.onlyName, id: "call_" + RandomName.letters(24), prompt: reading.promptEnd)
            reading.forced = Array((opening ?? "").utf8)
            segments.append(ChatSegment(text: reading.forced, isTemplate: true))
        }
        tokens = model.tokens(of: segments)
        self.reading = reading
    }
}
