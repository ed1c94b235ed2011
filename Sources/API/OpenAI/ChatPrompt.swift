import Chat
import JSON
import ModelFiles

/// A chat as the model reads it, and how its answers are to be read.
struct ChatPrompt: Sendable {
    let segments: [ChatSegment]
    let reading: AnswerReading
    private let model: ServedModel

    /// - Parameter messages: Those that the model is to see; nil for all of the request's.
    init(_ input: ChatInput, _ model: ServedModel, messages: [JSONValue]? = nil) throws(APIError) {
        self.model = model
        let messages = messages ?? input.messages
        var segments = try model.render(
            messages, tools: input.tools.tools, addGenerationPrompt: input.addsGenerationPrompt,
            extra: input.reasoning.templateArguments)
        if input.continuesFinalMessage { segments = try Self.endingInside(messages.last, segments) }
        var reading = AnswerReading(
            format: model.template?.answerFormat ?? AnswerFormat(),
            separatesReasoning: input.reasoning.isSeparate,
            tools: input.tools.tools.isEmpty ? nil : ToolSignatures(input.tools.tools),
            promptEnd: segments.last.flatMap { $0.isTemplate ? $0.text : nil } ?? [])
        reading.callsMax = input.tools.callsMax
        if input.tools.isForced {
            let opening = reading.format.callOpening(
                name: input.tools.onlyName, id: "call_" + RandomName.letters(24), prompt: reading.promptEnd)
            reading.forced = Array((opening ?? "").utf8)
            segments.append(ChatSegment(text: reading.forced, isTemplate: true))
        }
        self.segments = segments
        self.reading = reading
    }

    var text: [UInt8] { segments.flatMap(\.text) }
    var tokens: [TokenID] { model.tokens(of: segments) }

    /// Up to the end of the last message's text: what the template writes behind it would end the message.
    private static func endingInside(
        _ message: JSONValue?, _ segments: [ChatSegment]
    ) throws(APIError) -> [ChatSegment] {
        let content = Array((message?["content"]?.string ?? "").utf8)
        guard let last = segments.lastIndex(where: { !$0.isTemplate }), !content.isEmpty,
            segments[last].text.trimmed.elementsEqual(content.trimmed)
        else {
            throw .invalid(
                "continue_final_message",
                "'continue_final_message' is true, but the prompt does not end with the text of the last message.",
                code: "unsupported_value")
        }
        return Array(segments[...last])
    }
}

extension [UInt8] {
    /// Without white space around it, which templates cut.
    fileprivate var trimmed: ArraySlice<UInt8> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        return drop(while: isSpace).reversed().drop(while: isSpace).reversed()[...]
    }
}
