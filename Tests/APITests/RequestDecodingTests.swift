import Engine
import HTTP
import JSON
import Testing

@testable import API

@Suite struct RequestDecodingTests {
    private func object(_ text: String) throws -> JSONObject {
        try #require(JSONValue.parse(text).object)
    }

    /// Decodes a chat of one message with more members, and returns the error that this causes.
    private func chatError(_ members: String) throws -> APIError? {
        let body = try object(
            #"{"messages":[{"role":"user","content":"hi"}]"# + (members.isEmpty ? "" : ",") + members + "}")
        return error { () throws(APIError) in _ = try ChatCompletionRequest(body) }
    }

    private func error(_ run: () throws(APIError) -> Void) -> APIError? {
        do throws(APIError) {
            try run()
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        (#""temperature":-1"#, "temperature"), (#""temperature":"hot""#, "temperature"),
        (#""temperature":1000"#, "temperature"), (#""top_p":1.5"#, "top_p"), (#""min_p":-0.1"#, "min_p"),
        (#""presence_penalty":-2.1"#, "presence_penalty"), (#""frequency_penalty":2.1"#, "frequency_penalty"),
        (#""repetition_penalty":0"#, "repetition_penalty"), (#""repeat_penalty":101"#, "repeat_penalty"),
        (#""repeat_last_n":-2"#, "repeat_last_n"), (#""logit_bias":[1]"#, "logit_bias[0]"),
        (#""logit_bias":{"5":101}"#, "logit_bias.5"), (#""logit_bias":{"5":-100.5}"#, "logit_bias.5"),
        (#""logit_bias":{"5":"x"}"#, "logit_bias.5"), (#""logit_bias":{"":1}"#, "logit_bias."),
        (#""logit_bias":{"-1":1}"#, "logit_bias.-1"), (#""logit_bias":{"5":null}"#, "logit_bias.5"),
        (#""top_k":-2"#, "top_k"), (#""top_k":1.5"#, "top_k"), (#""n":0"#, "n"), (#""n":129"#, "n"),
        (#""seed":1.5"#, "seed"), (#""seed":18446744073709551616"#, "seed"),
        (#""max_tokens":0"#, "max_tokens"), (#""max_tokens":-1"#, "max_tokens"),
        (#""max_tokens":true"#, "max_tokens"),
        (#""max_completion_tokens":0"#, "max_completion_tokens"),
        (#""stop":5"#, "stop"), (#""stop":["a",5]"#, "stop[1]"), (#""stop":"""#, "stop"),
        (#""stop":["a",""]"#, "stop[1]"),
        (#""logprobs":3"#, "logprobs"), (#""top_logprobs":5"#, "top_logprobs"),
        (#""logprobs":true,"top_logprobs":21"#, "top_logprobs"),
        (#""stream":"yes""#, "stream"), (#""stream_options":{"include_usage":true}"#, "stream_options"),
        (#""stream":true,"stream_options":{"include_usage":1}"#, "stream_options.include_usage"),
        (#""model":5"#, "model"), (#""ignore_eos":1"#, "ignore_eos"),
        (#""return_token_ids":"x""#, "return_token_ids"),
        (#""response_format":{"type":"json_object"}"#, "response_format.type"),
        (#""response_format":{"type":"json_schema","json_schema":{}}"#, "response_format.type"),
        (#""response_format":"json""#, "response_format"), (#""grammar":"root ::= x""#, "grammar"),
        (#""tool_choice":"required""#, "tool_choice"),
        (#""tool_choice":{"type":"function","function":{"name":"f"}}"#, "tool_choice"),
        (#""modalities":["text","audio"]"#, "modalities"),
        (#""chat_template_kwargs":"x""#, "chat_template_kwargs"),
    ])
    func `a bad field of a chat is named`(members: String, param: String) throws {
        let error = try #require(try chatError(members))
        #expect(error.status == .badRequest)
        #expect(error.param == param)
        #expect(error.message.contains("'\(param)'"))
        #expect(error.type == "invalid_request_error")
    }

    @Test(arguments: [
        ("5", "messages"), ("[]", "messages"), ("[5]", "messages[0]"),
        (#"[{"content":"x"}]"#, "messages[0].role"),
        (#"[{"role":"wizard","content":"x"}]"#, "messages[0].role"),
        (#"[{"role":1,"content":"x"}]"#, "messages[0].role"),
        (#"[{"role":"user"}]"#, "messages[0].content"), (#"[{"role":"assistant"}]"#, "messages[0].content"),
        (#"[{"role":"user","content":null}]"#, "messages[0].content"),
        (#"[{"role":"user","content":5}]"#, "messages[0].content"),
        (#"[{"role":"user","content":["x"]}]"#, "messages[0].content[0]"),
        (#"[{"role":"user","content":[{"text":"x"}]}]"#, "messages[0].content[0].type"),
        (#"[{"role":"user","content":[{"type":"text"}]}]"#, "messages[0].content[0].text"),
        (
            #"[{"role":"user","content":"x"},{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]"#,
            "messages[1].content[0].type"
        ),
        (#"[{"role":"assistant","tool_calls":5}]"#, "messages[0].tool_calls"),
        (#"[{"role":"assistant","tool_calls":[{"id":"1"}]}]"#, "messages[0].tool_calls[0]"),
        (
            #"[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{"}}]}]"#,
            "messages[0].tool_calls[0].function.arguments"
        ),
    ])
    func `a bad message is named with its place`(messages: String, param: String) throws {
        let body = try object(#"{"messages":\#(messages)}"#)
        let error = try #require(error { () throws(APIError) in _ = try ChatCompletionRequest(body) })
        #expect(error.status == .badRequest)
        #expect(error.param == param)
    }

    @Test func `a chat without messages says so`() throws {
        let body = try object("{}")
        let error = try #require(error { () throws(APIError) in _ = try ChatCompletionRequest(body) })
        #expect(error.param == "messages")
        #expect(error.code == "missing_required_parameter")
    }

    @Test(arguments: [
        ("5", "prompt"), ("null", "prompt"), ("[]", "prompt"), ("[-1]", "prompt[0]"),
        ("[1,100]", "prompt[1]"),
        ("[1,\"a\",true]", "prompt[2]"), ("[\"a\",100]", "prompt[1]"), ("[[1],[2,300]]", "prompt[1][1]"),
        ("[[1,\"a\",-1]]", "prompt[0][2]"), ("[\"a\",true]", "prompt[1]"),
        ("[[]]", "prompt[0]"), ("[1.5]", "prompt[0]"),
    ])
    func `a bad prompt is named with its place`(prompt: String, param: String) throws {
        let body = try object(#"{"prompt":\#(prompt)}"#)
        let error = try #require(
            error { () throws(APIError) in _ = try CompletionRequest(body, vocabularyCount: 100) })
        #expect(error.status == .badRequest)
        #expect(error.param == param)
    }

    @Test(arguments: [
        (#""max_tokens":-1"#, "max_tokens"), (#""logprobs":21"#, "logprobs"),
        (#""logprobs":true"#, "logprobs"),
        (#""echo":1"#, "echo"), (#""suffix":1"#, "suffix"), (#""suffix":"x","echo":true"#, "echo"),
        (#""best_of":-1"#, "best_of"), (#""best_of":129"#, "best_of"), (#""n":3,"best_of":2"#, "best_of"),
        (#""best_of":2,"stream":true"#, "best_of"), (#""prompt_logprobs":21"#, "prompt_logprobs"),
        (#""prompt_logprobs":-1"#, "prompt_logprobs"),
        (#""prompt_logprobs":1,"stream":true"#, "prompt_logprobs"),
        (#""context_overflow":"no""#, "context_overflow"),
        (#""context_overflow":"truncate_oldest_turns""#, "context_overflow"),
        (#""truncate_prompt_tokens":0"#, "truncate_prompt_tokens"),
        (#""truncate_prompt_tokens":-2"#, "truncate_prompt_tokens"),
        (#""truncation_side":"up""#, "truncation_side"), (#""timings_per_token":1"#, "timings_per_token"),
        (#""stream":true,"return_progress":1"#, "return_progress"),
        (
            #""stream":true,"stream_options":{"continuous_usage_stats":1}"#,
            "stream_options.continuous_usage_stats"
        ),
    ])
    func `a bad field of a completion is named`(members: String, param: String) throws {
        let body = try object(#"{"prompt":"x",\#(members)}"#)
        let error = try #require(
            error { () throws(APIError) in _ = try CompletionRequest(body, vocabularyCount: 100) })
        #expect(error.param == param)
    }

    @Test func `prompts come in four forms`() throws {
        func prompts(_ text: String) throws -> [TextPrompt] {
            try CompletionRequest(object(#"{"prompt":\#(text)}"#), vocabularyCount: 100).prompts
        }
        #expect(try prompts("\"a\"") == [.text("a")])
        #expect(try prompts("[1,2]") == [.tokens([1, 2])])
        #expect(try prompts("[\"a\",\"b\"]") == [.text("a"), .text("b")])
        #expect(try prompts("[[1],[2,3]]") == [.tokens([1]), .tokens([2, 3])])
        #expect(try prompts("[\"a\",[2,3]]") == [.text("a"), .tokens([2, 3])])
        let mixed = TextPrompt.mixed([.tokens([1]), .text("a"), .tokens([2])])
        #expect(try prompts("[1,\"a\",2]") == [mixed])
        #expect(try prompts("[\"b\",[1,\"a\",2]]") == [.text("b"), mixed])
    }

    @Test func `defaults are OpenAI's`() throws {
        let chat = try ChatCompletionRequest(object(#"{"messages":[{"role":"user","content":"hi"}]}"#))
        #expect(chat.tokensMax == nil)
        #expect(chat.common.sampling.temperature == 1)
        #expect(chat.common.sampling.topP == 1)
        #expect(chat.common.sampling.topK == 0)
        #expect(chat.common.sampling.seed == nil)
        #expect(chat.common.choiceCount == 1)
        #expect(!chat.common.streams && !chat.wantsLogprobs)
        let completion = try CompletionRequest(object(#"{"prompt":"x"}"#), vocabularyCount: 1)
        #expect(completion.tokensMax == 16)
        #expect(completion.logprobs == nil)
        #expect(
            try CompletionRequest(object(#"{"prompt":"x","max_tokens":0}"#), vocabularyCount: 1).tokensMax
                == 0)
    }

    @Test func `null counts as absent`() throws {
        let names = [
            "max_tokens", "temperature", "stop", "seed", "stream_options", "n", "tools", "user", "logprobs",
        ]
        #expect(try chatError(names.map { "\"\($0)\":null" }.joined(separator: ",")) == nil)
    }

    @Test func `max_completion_tokens wins over max_tokens`() throws {
        let body = try object(
            #"{"messages":[{"role":"user","content":"x"}],"max_tokens":5,"max_completion_tokens":7}"#)
        #expect(try ChatCompletionRequest(body).tokensMax == 7)
    }

    @Test func `seeds keep 64 bits`() throws {
        let body = try object(#"{"prompt":"x","seed":9007199254740993}"#)
        #expect(try CompletionRequest(body, vocabularyCount: 1).common.sampling.seed == 9_007_199_254_740_993)
        let negative = try object(#"{"prompt":"x","seed":-2}"#)
        #expect(try CompletionRequest(negative, vocabularyCount: 1).common.sampling.seed == UInt64.max - 1)
        let drawn = try object(#"{"prompt":"x","seed":-1}"#)
        #expect(try CompletionRequest(drawn, vocabularyCount: 1).common.sampling.seed == nil)
    }

    @Test func `penalties and bias reach the sampler`() throws {
        func sampling(_ members: String) throws -> SamplingParameters {
            try CompletionRequest(object(#"{"prompt":"x",\#(members)}"#), vocabularyCount: 1).common.sampling
        }
        var expected = SamplingParameters()
        expected.presencePenalty = -2
        expected.frequencyPenalty = 0.5
        expected.repetitionPenalty = 1.25
        expected.repetitionWindow = 64
        #expect(
            try sampling(
                #""presence_penalty":-2,"frequency_penalty":0.5,"repeat_penalty":1.25,"repeat_last_n":64"#)
                == expected)
        #expect(try sampling(#""repetition_penalty":1.5,"repeat_penalty":2"#).repetitionPenalty == 1.5)
        #expect(try sampling(#""repeat_last_n":-1"#).repetitionWindow == nil)
    }

    @Test func `a bias may not have more tokens than its limit`() throws {
        func bias(_ count: Int) -> String {
            "\"logit_bias\":{" + (0..<count).map { "\"\($0)\":1" }.joined(separator: ",") + "}"
        }
        #expect(try chatError(bias(APILimits.logitBiasCountMax)) == nil)
        #expect(try chatError(bias(APILimits.logitBiasCountMax + 1))?.param == "logit_bias")
    }

    @Test func `a stop list may not be longer than its limit`() throws {
        func list(_ count: Int) -> String {
            "[" + Array(repeating: "\"x\"", count: count).joined(separator: ",") + "]"
        }
        #expect(try chatError("\"stop\":" + list(APILimits.stopCountMax)) == nil)
        #expect(try chatError("\"stop\":" + list(APILimits.stopCountMax + 1))?.param == "stop")
        let longest = String(repeating: "x", count: APILimits.stopBytesMax)
        #expect(try chatError("\"stop\":\"\(longest)\"") == nil)
        #expect(try chatError("\"stop\":\"\(longest)x\"")?.param == "stop")
    }

    @Test func `unused fields are named in their order, with nothing in them that a header may not hold`()
        throws
    {
        let body = try object(
            #"""
            {"messages":[{"role":"user","content":"x"}],"user":"u","metadata":{},"frequency_penalty":0,
             "tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"auto","évil\r\nX: y":1,
             "stream":true,"stream_options":{"include_usage":false,"later":1}}
            """#)
        let ignored = try ChatCompletionRequest(body).common.ignored
        #expect(ignored.headerValue == "user, metadata, ??vil??X??y, stream_options.later")
        #expect(IgnoredFields().headerValue == nil)
        let many = IgnoredFields(names: (0..<100).map { "f\($0)" })
        #expect(many.headerValue?.hasSuffix("f31, and-68-more") == true)
    }

    @Test func `messages reach the template in one form`() throws {
        let body = try object(
            #"""
            {"messages":[
              {"role":"developer","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
              {"role":"assistant","content":null,"tool_calls":[
                {"id":"1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},
              {"role":"tool","tool_call_id":"1","content":"2"}]}
            """#)
        let messages = try ChatCompletionRequest(body).input.messages
        #expect(messages[0]["role"] == "system")
        #expect(messages[0]["content"]?[1]?["text"] == "b")
        #expect(messages[1]["content"] == "")
        #expect(messages[1]["tool_calls"]?[0]?["function"]?["arguments"] == ["x": 1])
        #expect(messages[2]["tool_call_id"] == "1")
    }
}
