import Engine
import JSON
import ModelFiles
import Testing

@testable import API

/// Calls and reasoning on their way from the engine to the client.
@Suite struct ToolCallTests {
    private static let tools = ToolFieldTests.tools

    private static func body(_ members: String) -> String {
        #"{"messages":[{"role":"user","content":"Hi"}],\#(tools)\#(members)}"#
    }

    private func answer(
        _ output: String, _ members: String, end: FinishReason = .stopToken(2),
        _ check: (JSONValue, TestService) throws -> Void
    ) async throws {
        let script: FakeEngine.Script = { request in
            FakeEngine.answer(TestService.bytes(output), end: end, choices: request.choiceCount)
        }
        try await TestService.run(contextLength: 8192, script: script) { service async throws in
            let reply = try await service.client.post("/v1/chat/completions", Self.body(members))
            #expect(reply.status == 200)
            try check(try JSONValue.parse(reply.body), service)
        }
    }

    @Test func `a named function is forced, and called once`() async throws {
        let output = " {\"a\": 1}}\n</tool_call>\n<tool_call>{\"name\": \"f\"}</tool_call>"
        let choice = #","tool_choice":{"type":"function","function":{"name":"g"}}"#
        try await answer(output, choice) { reply, service in
            let choice = try #require(reply["choices"]?[0])
            #expect(choice["finish_reason"] == "tool_calls")
            #expect(choice["message"]?["content"] == .null)
            let calls = try #require(choice["message"]?["tool_calls"]?.array)
            #expect(calls.count == 1)
            #expect(calls[0]["function"] == ["name": "g", "arguments": "{\"a\": 1}"])
            // The prompt ends with the beginning of the call, and the answer's last token is not waited for.
            let prompt = try #require(service.engine.requests.first?.prompt)
            let text = String(decoding: service.tokenizer.decode(prompt, special: true), as: UTF8.self)
            #expect(text.hasSuffix("<tool_call>\n{\"name\": \"g\", \"arguments\":"))
            #expect(service.engine.cancelled.contains("0"))
        }
    }

    @Test func `a call is required, and which is the model's choice`() async throws {
        try await answer(" \"f\", \"arguments\": {}}</tool_call>", #","tool_choice":"required""#) {
            reply, _ in
            let choice = try #require(reply["choices"]?[0])
            #expect(choice["finish_reason"] == "tool_calls")
            #expect(choice["message"]?["tool_calls"]?[0]?["function"] == ["name": "f", "arguments": "{}"])
        }
    }

    @Test func `text behind required calls ends the answer`() async throws {
        let output = " {}}</tool_call>\n<tool_call>{\"name\": \"f\"}</tool_call>\nI called."
        let one =
            #","tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"g"}}]}}"#
        try await answer(output, one, end: .length) { reply, service in
            let choice = try #require(reply["choices"]?[0])
            #expect(choice["finish_reason"] == "tool_calls")
            #expect(choice["message"]?["content"] == .null)
            #expect(choice["message"]?["tool_calls"]?.array?.count == 2)
            #expect(service.engine.cancelled.contains("0"))
        }
    }

    @Test func `a call that the length cuts off is there as far as it came`() async throws {
        let output = "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \"b"
        try await answer(output, "", end: .length) { reply, _ in
            let choice = try #require(reply["choices"]?[0])
            #expect(choice["finish_reason"] == "length")
            #expect(choice["message"]?["tool_calls"]?[0]?["function"]?["arguments"] == "{\"a\": \"b")
        }
    }

    @Test func `without parallel calls an answer ends behind the first`() async throws {
        let call = "<tool_call>{\"name\": \"f\"}</tool_call>"
        try await answer(call + call, #","parallel_tool_calls":false"#) { reply, service in
            #expect(reply["choices"]?[0]?["message"]?["tool_calls"]?.array?.count == 1)
            #expect(service.engine.cancelled.contains("0"))
        }
        try await answer(call + call, "") { reply, _ in
            let calls = try #require(reply["choices"]?[0]?["message"]?["tool_calls"]?.array)
            #expect(Set(calls.compactMap { $0["id"]?.string }).count == 2)
        }
    }

    @Test func `when no call may be made, the model does not hear of tools and markers are text`()
        async throws
    {
        let call = "<tool_call>{\"name\": \"f\"}</tool_call>"
        try await answer(call, #","tool_choice":"none""#) { reply, service in
            #expect(reply["choices"]?[0]?["message"]?["content"] == .string(call))
            #expect(reply["choices"]?[0]?["finish_reason"] == "stop")
            let prompt = try #require(service.engine.requests.first?.prompt)
            let text = String(decoding: service.tokenizer.decode(prompt, special: true), as: UTF8.self)
            #expect(!text.contains("tool"))
        }
    }

    @Test func `what is no call is content`() async throws {
        for output in ["<tool_call>{\"name\": 5}</tool_call>", "Hi <tool_call>", "<tool_call>\n{broken"] {
            try await answer(output, "") { reply, _ in
                let choice = try #require(reply["choices"]?[0])
                #expect(choice["message"]?["content"] == .string(output))
                #expect(choice["message"]?["tool_calls"] == nil)
                #expect(choice["finish_reason"] == "stop")
            }
        }
    }

    @Test func `reasoning's tokens are counted`() async throws {
        let template = "{% for m in messages %}{{ m.content }}{% endfor %}<think>{# </think> #}"
        let script: FakeEngine.Script = { _ in
            FakeEngine.answer(TestService.bytes("ab</think>cd"), end: .stopToken(2))
        }
        try await TestService.run(template: template, script: script) { service async throws in
            let reply = try await service.client.post(
                "/v1/chat/completions", #"{"messages":[{"role":"user","content":"Hi"}]}"#)
            let usage = try JSONValue.parse(reply.body)["usage"]
            #expect(usage?["completion_tokens"] == 13)
            #expect(usage?["completion_tokens_details"]?["reasoning_tokens"] == 10)
        }
    }

    @Test func `stop strings work beside tools`() async throws {
        try await answer("One. STOP <tool_call>", #","stop":"STOP""#) { reply, _ in
            #expect(reply["choices"]?[0]?["message"]?["content"] == "One. ")
            #expect(reply["choices"]?[0]?["finish_reason"] == "stop")
        }
    }
}
