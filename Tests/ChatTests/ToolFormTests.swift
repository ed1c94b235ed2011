import JSON
import Testing

@testable import Chat

@Suite("Tools in templates")
struct ToolFormTests {
    private static func template(_ name: String) throws -> ChatTemplate {
        try ChatTemplate(
            source: readText(goldenDirectory + name + ".jinja"), bosToken: "<s>", eosToken: "</s>")
    }

    private static func text(_ segments: [ChatSegment]) -> String {
        String(decoding: segments.flatMap(\.text), as: UTF8.self)
    }

    /// A call and its result, with an id as each family's models write it: some templates insist on theirs.
    private static func history(_ format: AnswerFormat) -> [JSONValue] {
        let id: JSONValue = format.ids == .model ? "functions.get_weather:0" : "abcDEF123"
        let function: JSONValue = ["name": "get_weather", "arguments": ["city": "Rome"]]
        return [
            ["role": "user", "content": "Weather?"],
            [
                "role": "assistant", "content": "",
                "tool_calls": [["id": id, "type": "function", "function": function]],
            ],
            ["role": "tool", "tool_call_id": id, "name": "get_weather", "content": "21 degrees"],
        ]
    }

    @Test(
        "every template shows tools, calls and results in one way or another",
        arguments: GoldenTests.templates)
    func shows(_ golden: GoldenTemplate) throws {
        let template = try Self.template(golden.name)
        let shown = Self.text(
            try template.render(
                messages: Self.history(template.answerFormat), tools: .array(AnswerFormatTests.tools)))
        #expect(shown.contains("get_weather"))
        #expect(shown.contains("Rome"))
        #expect(shown.contains("21 degrees"))
    }

    /// What the history shows of a call is what the model is expected to write: the parser has to read it.
    @Test("the parser reads the calls that the template writes", arguments: GoldenTests.templates)
    func readsBack(_ golden: GoldenTemplate) throws {
        let template = try Self.template(golden.name)
        let tools = JSONValue.array(AnswerFormatTests.tools)
        let whole = Self.text(
            try template.render(
                messages: Array(Self.history(template.answerFormat).prefix(2)), tools: tools,
                addGenerationPrompt: false))
        let before = Self.text(
            try template.render(
                messages: Array(Self.history(template.answerFormat).prefix(1)), tools: tools,
                addGenerationPrompt: false))
        let answer = whole.utf8.dropFirst(zip(whole.utf8, before.utf8).prefix { $0 == $1 }.count)
        var parser = AnswerParser(
            template.answerFormat, separatesReasoning: true, tools: ToolSignatures(AnswerFormatTests.tools),
            prompt: [])
        // Some of it is the turn's frame.
        var calls: [String] = []
        for piece in parser.append(answer) + parser.finish() {
            if case .callBegins(let name, _) = piece { calls.append(name + "(") }
            if case .arguments(let bytes) = piece, !calls.isEmpty {
                calls[calls.count - 1] += String(decoding: bytes, as: UTF8.self)
            }
        }
        // Llama's calls have no marker, and begin the answer instead of a frame.
        if template.answerFormat.calls == .objects(ObjectCalls("", "")) || golden.name.hasPrefix("meta-llama")
        {
            return
        }
        try #require(calls.count == 1, "\(String(decoding: Array(answer), as: UTF8.self))")
        let arguments = calls[0].dropFirst("get_weather(".count)
        #expect(calls[0].hasPrefix("get_weather("))
        #expect(try JSONValue.parse(String(arguments)) == ["city": "Rome"])
    }

    @Test("a forced call goes on where the model is to go on", arguments: GoldenTests.templates)
    func forces(_ golden: GoldenTemplate) throws {
        let format = try Self.template(golden.name).answerFormat
        for prompt in ["", ">>>", (format.reasoning?.open ?? "") + "\n"] {
            let prompt = Array(prompt.utf8)
            let opening = try #require(format.callOpening(name: "now", id: "id9", prompt: prompt))
            var parser = AnswerParser(
                format, separatesReasoning: true, tools: ToolSignatures(AnswerFormatTests.tools),
                prompt: prompt)
            let pieces = parser.append(opening.utf8) + parser.append("{}".utf8) + parser.finish()
            let begun = pieces.filter { if case .callBegins(name: "now", _) = $0 { true } else { false } }
            #expect(begun.count == 1, "\(opening) \(pieces)")
            #expect(format.callOpening(name: nil, id: "id9", prompt: prompt) != nil)
        }
    }

    @Test("a template without tools gets them as text, and alternating roles")
    func describes() throws {
        let template = try Self.template("google-gemma-2-2b-it")
        let messages = Self.history(template.answerFormat) + [["role": "user", "content": "And now?"]]
        let shown = Self.text(
            try template.render(messages: messages, tools: .array([AnswerFormatTests.tools[1]])))
        #expect(
            shown == """
                <s><start_of_turn>user
                # Tools

                You may call one or more functions to assist with the user query.

                You are provided with function signatures within <tools></tools> XML tags:
                <tools>
                {"type": "function", "function": {"name": "now"}}
                </tools>

                For each function call, return a json object with function name and arguments within \
                <tool_call></tool_call> XML tags:
                <tool_call>
                {"name": <function-name>, "arguments": <args-json-object>}
                </tool_call>

                Weather?<end_of_turn>
                <start_of_turn>model
                <tool_call>
                {"name": "get_weather", "arguments": {"city": "Rome"}}
                </tool_call><end_of_turn>
                <start_of_turn>user
                <tool_response>
                21 degrees
                </tool_response>
                And now?<end_of_turn>
                <start_of_turn>model

                """)
    }

    @Test("arguments are text for a template that writes them as they are")
    func writesArgumentText() throws {
        let template = try Self.template("meetkai-functionary-medium-v3.2")
        let shown = Self.text(
            try template.render(
                messages: Self.history(template.answerFormat), tools: .array(AnswerFormatTests.tools)))
        #expect(shown.contains(">>>get_weather\n{\"city\": \"Rome\"}"))
    }
}
