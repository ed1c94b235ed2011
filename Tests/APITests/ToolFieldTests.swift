import JSON
import Testing

@testable import API

/// What a request says about tools and reasoning.
@Suite struct ToolFieldTests {
    static let tools =
        #""tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}]"#

    private func chat(_ members: String) throws -> ChatInput {
        let body = try JSONValue.parse(#"{"messages":[{"role":"user","content":"x"}],\#(members)}"#)
        return try ChatCompletionRequest(try #require(body.object)).input
    }

    private func error(_ members: String) throws -> APIError? {
        do { _ = try chat(members) } catch let error as APIError { return error }
        return nil
    }

    @Test func `a choice says which calls there may be`() throws {
        let none = try chat(#""tools":[]"#).tools
        #expect(none.tools.isEmpty && none.choice == .none && !none.isForced)
        let auto = try chat(Self.tools).tools
        #expect(auto.tools.count == 2 && auto.choice == .auto && auto.callsMax == Int.max)
        #expect(try chat(#"\#(Self.tools),"tool_choice":"none""#).tools.tools.isEmpty)
        let required = try chat(#"\#(Self.tools),"tool_choice":"required","parallel_tool_calls":false"#).tools
        #expect(required.isForced && required.onlyName == nil && required.callsMax == 1)
        let named = try chat(
            #"\#(Self.tools),"tool_choice":{"type":"function","function":{"name":"g"}}"#
        ).tools
        #expect(named.choice == .function("g") && named.onlyName == "g" && named.callsMax == 1)
        let allowed = try chat(
            #"\#(Self.tools),"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}}]}}"#
        ).tools
        #expect(allowed.choice == .required && allowed.tools.count == 1 && allowed.onlyName == "f")
        #expect(try chat(#""tool_choice":"auto""#).tools.choice == .none)
        #expect(try chat(#""tool_choice":"none""#).tools.choice == .none)
    }

    @Test(arguments: [
        (#""tools":5"#, "tools"), (#""tools":[5]"#, "tools[0]"),
        (#""tools":[{"function":{"name":"f"}}]"#, "tools[0].type"),
        (#""tools":[{"type":"custom","function":{"name":"f"}}]"#, "tools[0].type"),
        (#""tools":[{"type":"function"}]"#, "tools[0].function"),
        (#""tools":[{"type":"function","function":{}}]"#, "tools[0].function.name"),
        (#""tools":[{"type":"function","function":{"name":""}}]"#, "tools[0].function.name"),
        (#""tools":[{"type":"function","function":{"name":"<|im_end|>"}}]"#, "tools[0].function.name"),
        (
            #""tools":[{"type":"function","function":{"name":"f","parameters":[]}}]"#,
            "tools[0].function.parameters"
        ),
        (
            #""tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"f"}}]"#,
            "tools[1].function.name"
        ),
        (#""tool_choice":"required""#, "tool_choice"), (#""tool_choice":"any""#, "tool_choice"),
        (#""tools":[],"tool_choice":{"type":"function","function":{"name":"f"}}"#, "tool_choice"),
        (#"\#(tools),"tool_choice":5"#, "tool_choice"), (#"\#(tools),"tool_choice":{}"#, "tool_choice.type"),
        (#"\#(tools),"tool_choice":{"type":"function"}"#, "tool_choice"),
        (
            #"\#(tools),"tool_choice":{"type":"function","function":{"name":"h"}}"#,
            "tool_choice.function.name"
        ),
        (#"\#(tools),"tool_choice":{"type":"allowed_tools"}"#, "tool_choice.allowed_tools"),
        (
            #"\#(tools),"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"x","tools":[{"type":"function","function":{"name":"f"}}]}}"#,
            "tool_choice.allowed_tools.mode"
        ),
        (#"\#(tools),"parallel_tool_calls":1"#, "parallel_tool_calls"),
        (#""functions":[{"name":"f"}]"#, "functions"), (#""function_call":{"name":"f"}"#, "function_call"),
        (#""reasoning_effort":"huge""#, "reasoning_effort"), (#""reasoning_effort":5"#, "reasoning_effort"),
        (#""reasoning_format":"xml""#, "reasoning_format"),
    ])
    func `a bad field is named`(members: String, param: String) throws {
        let error = try #require(try error(members))
        #expect(error.status == .badRequest)
        #expect(error.param == param)
    }

    @Test func `tools and their names have limits`() throws {
        func tools(_ count: Int) -> String {
            let list = (0..<count).map { #"{"type":"function","function":{"name":"f\#($0)"}}"# }
            return "\"tools\":[" + list.joined(separator: ",") + "]"
        }
        #expect(try error(tools(APILimits.toolCountMax)) == nil)
        #expect(try error(tools(APILimits.toolCountMax + 1))?.param == "tools")
        let name = String(repeating: "n", count: APILimits.toolNameBytesMax)
        #expect(try error(#""tools":[{"type":"function","function":{"name":"\#(name)"}}]"#) == nil)
        #expect(
            try error(#""tools":[{"type":"function","function":{"name":"\#(name)n"}}]"#)?.param
                == "tools[0].function.name")
    }

    @Test func `a strict schema is not held yet, which the header says`() throws {
        let body = #""tools":[{"type":"function","function":{"name":"f","strict":true}}]"#
        let request = try JSONValue.parse(#"{"messages":[{"role":"user","content":"x"}],\#(body)}"#)
        let ignored = try ChatCompletionRequest(try #require(request.object)).common.ignored
        #expect(ignored.headerValue == "tools[0].function.strict")
    }

    @Test func `no effort is no reasoning, unless the template's variables say otherwise`() throws {
        let none = try chat(#""reasoning_effort":"none""#).reasoning
        #expect(none.templateArguments["enable_thinking"] == false)
        #expect(none.templateArguments["reasoning_effort"] == "none")
        let high = try chat(#""reasoning_effort":"high""#).reasoning
        #expect(high.templateArguments["enable_thinking"] == nil)
        #expect(high.templateArguments["reasoning_effort"] == "high")
        let own = try chat(
            #""reasoning_effort":"none","chat_template_kwargs":{"enable_thinking":true}"#
        ).reasoning
        #expect(own.templateArguments["enable_thinking"] == true)
        #expect(own.isSeparate)
        #expect(try chat(#""reasoning_format":"auto""#).reasoning.isSeparate)
        #expect(try !chat(#""reasoning_format":"none""#).reasoning.isSeparate)
    }

    @Test func `reasoning in the history goes by either name`() throws {
        let body = try JSONValue.parse(
            #"""
            {"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"y","reasoning":"a"},
              {"role":"assistant","content":"z","reasoning_content":"b"}]}
            """#)
        let messages = try ChatCompletionRequest(try #require(body.object)).input.messages
        for (index, text) in [(1, "a"), (2, "b")] {
            #expect(messages[index]["reasoning"] == .string(text))
            #expect(messages[index]["reasoning_content"] == .string(text))
        }
    }

    @Test(arguments: [
        ("\"{\\\"x\\\":1}\"", true), ("{\"x\":1}", true), ("\"\"", true), ("null", true), ("\" \"", true),
        ("\"{\"", false), ("\"[1]\"", false), ("5", false), ("\"\\\"x\\\"\"", false), ("[]", false),
    ])
    func `arguments in the history are an object, or one as text`(arguments: String, isRight: Bool) throws {
        let call =
            #"[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":\#(arguments)}}]}]"#
        let body = try #require(try JSONValue.parse("{\"messages\":\(call)}").object)
        do throws(APIError) {
            _ = try ChatCompletionRequest(body)
            #expect(isRight)
        } catch {
            #expect(!isRight)
            #expect(error.status == .badRequest)
            #expect(error.param == "messages[0].tool_calls[0].function.arguments")
        }
    }
}
