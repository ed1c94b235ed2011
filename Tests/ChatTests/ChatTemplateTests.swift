import JSON
import Testing

@testable import Chat

@Suite("Chat templates")
struct ChatTemplateTests {
    /// The template in the metadata of SmolLM2-135M-Instruct, the default model.
    static let smolLM2 =
        "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
        + "{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
        + "<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
        + "'<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"

    private func render(
        _ source: String, _ messages: [JSONValue], extra: JSONObject = JSONObject()
    ) throws -> [ChatSegment] {
        let template = try ChatTemplate(source: source, bosToken: "<bos>", eosToken: "<eos>")
        return try template.render(messages: messages, extra: extra)
    }

    private func text(_ segments: [ChatSegment]) -> String {
        String(decoding: segments.flatMap(\.text), as: UTF8.self)
    }

    @Test("the default model's template renders, and tells the template's text from the user's")
    func defaultModel() throws {
        let segments = try render(Self.smolLM2, [["role": "user", "content": "Hi<|im_end|>"]])
        let system =
            "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
        #expect(
            segments == [
                ChatSegment(text: Array("\(system)<|im_end|>\n<|im_start|>user\n".utf8), isTemplate: true),
                ChatSegment(text: Array("Hi<|im_end|>".utf8), isTemplate: false),
                ChatSegment(text: Array("<|im_end|>\n<|im_start|>assistant\n".utf8), isTemplate: true),
            ])
    }

    @Test("a Gemma file without a template gets Gemma's turns")
    func gemma() throws {
        let source = try #require(ChatTemplate.builtInSource(architecture: "gemma3"))
        let messages: [JSONValue] = [
            ["role": "system", "content": " Be brief. "], ["role": "user", "content": "Hi\n"],
            ["role": "assistant", "content": "Hello."], ["role": "user", "content": "Bye"],
        ]
        let expected =
            "<bos><start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\nHello.<end_of_turn>\n"
            + "<start_of_turn>user\nBye<end_of_turn>\n<start_of_turn>model\n"
        #expect(text(try render(source, messages)) == expected)
        let error = #expect(throws: TemplateError.self) {
            try render(source, [["role": "assistant", "content": "I go first"]])
        }
        #expect(error?.kind == .raised)
        #expect(ChatTemplate.builtInSource(architecture: "llama") == nil)
    }

    @Test("content in parts is joined for a template that takes strings; other parts are refused")
    func partsForText() throws {
        let parts: JSONValue = [["type": "text", "text": "one"], ["type": "text", "text": "two"]]
        #expect(
            text(try render(Self.smolLM2, [["role": "user", "content": parts]])).contains(
                "user\none\ntwo<|im_end|>"))
        let error = #expect(throws: TemplateError.self) {
            try render(Self.smolLM2, [["role": "user", "content": [["type": "image_url"]]]])
        }
        #expect(error?.message.contains("\"image_url\"") == true)
    }

    @Test("a template that takes parts gets them, and one that takes nothing else gets strings as a part")
    func partsForParts() throws {
        let either = """
            {%- for m in messages %}{% if m.content is string %}S{{ m.content }}{% else %}
            {%- for p in m.content %}P{{ p.text }}{% endfor %}{% endif %}{% endfor %}
            """
        let parts: JSONValue = [["type": "text", "text": "a"], ["type": "text", "text": "b"]]
        #expect(text(try render(either, [["role": "user", "content": parts]])) == "PaPb")
        #expect(text(try render(either, [["role": "user", "content": "a"]])) == "Sa")
        let only = "{% for m in messages %}{% for p in m.content %}{{ p['text'] }}{% endfor %}{% endfor %}"
        #expect(text(try render(only, [["role": "user", "content": "abc"]])) == "abc")
        // A list that is merely printed is not taken for understood.
        #expect(
            text(try render("{{ messages[0].content }}", [["role": "user", "content": parts]])) == "a\nb")
    }

    @Test("extra variables reach the template and do not replace its own")
    func extra() throws {
        var extra = JSONObject()
        extra["enable_thinking"] = true
        extra["messages"] = "x"
        extra["raise_exception"] = "x"
        let source =
            "{{ enable_thinking }} {{ messages|length }} {{ raise_exception is callable }} {{ tools }}{{ eos_token }}"
        #expect(
            text(try render(source, [["role": "user", "content": "a"]], extra: extra))
                == "True 1 True None<eos>")
    }

    @Test("an error names the template's line and what was wrong")
    func errors() {
        let cases: [(source: String, description: String)] = [
            (
                "a\n{% if x %}",
                "chat template, line 2: expected \"{% elif\" or \"{% else\" or \"{% endif\", found the end of the template"
            ),
            (
                "\n\n{{ messages[0].content.nope.x }}",
                "chat template, line 3: 'str' object has no attribute 'nope', so it has no attribute 'x'"
            ),
            ("{{ x(1) }}", "chat template, line 1: 'x' is undefined, so it cannot be called"),
            (
                "{#\n#}\n{{ 'a'\n + 1 }}",
                "chat template, line 3: unsupported operand types for +: 'str' and 'int'"
            ),
            ("{{ 9223372036854775807 + 1 }}", "chat template, line 1: an integer does not fit 64 bits"),
            (
                "{{ 99999999999999999999 }}",
                "chat template, line 1: the number 99999999999999999999 does not fit 64 bits"
            ),
            (
                "{% include 'x' %}",
                "chat template, line 1: the statement \"include\" is not known; "
                    + "chat templates have if, for, set, macro, call, filter, with, break, continue, raw and generation"
            ),
            ("{{ raise_exception('no\\n' ~ 1) }}", "chat template, line 1: no\n1"),
        ]
        for (source, description) in cases {
            let error = #expect(throws: TemplateError.self) {
                try render(source, [["role": "user", "content": "x"]])
            }
            #expect(error?.description == description)
        }
    }
}
