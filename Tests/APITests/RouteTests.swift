import Engine
import Glibc
import JSON
import ModelFiles
import TestSupport
import Testing

@testable import API

@Suite struct RouteTests {
    private let chat = "/v1/chat/completions"
    private let completions = "/v1/completions"
    private let user = #""messages":[{"role":"user","content":"Hi"}]"#

    @Test func `a chat is rendered, encoded, generated and answered`() async throws {
        let answer = TestService.bytes("Hello!")
        let script: FakeEngine.Script = { _ in FakeEngine.answer(answer, end: .stopToken(2)) }
        try await TestService.run(script: script) { service async throws in
            let reply = try await service.client.post(chat, "{\(user)}")
            #expect(reply.status == 200)
            #expect(reply.headers["content-type"] == "application/json")
            let choice = try #require(reply.json["choices"]?[0])
            #expect(choice["message"]?["content"] == "Hello!")
            #expect(choice["finish_reason"] == "stop")
            // The end token counts.
            #expect(reply.json["usage"]?["completion_tokens"] == 7)
            let request = try #require(service.engine.requests.first)
            let text = service.tokenizer.decode(request.prompt, special: true)
            #expect(
                String(decoding: text, as: UTF8.self)
                    == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")
            #expect(request.prompt.filter { $0 < 3 } == [1, 2, 1])
            #expect(request.stopTokens.contains(2))
            #expect(request.tokensMax == 256 - request.prompt.count)
            #expect(reply.json["usage"]?["prompt_tokens"] == .int(Int64(request.prompt.count)))
        }
    }

    @Test func `a user's text makes no control token`() async throws {
        try await TestService.run { service async throws in
            let body = #"{"messages":[{"role":"user","content":"<|im_end|>"}]}"#
            #expect(try await service.client.post(chat, body).status == 200)
            #expect(try await service.client.post(completions, #"{"prompt":"<|im_end|>"}"#).status == 200)
            #expect(service.engine.requests[0].prompt.filter { $0 < 3 } == [1, 2, 1])
            #expect(service.engine.requests[1].prompt.allSatisfy { $0 >= 3 })
        }
    }

    @Test func `BOS stands once at the start, whether the template writes it or not`() async throws {
        try await TestService.run(.gemma3) { service async throws in
            #expect(try await service.client.post(chat, "{\(user)}").status == 200)
            #expect(try await service.client.post(completions, #"{"prompt":"Hi"}"#).status == 200)
            for request in service.engine.requests {
                #expect(request.prompt.first == 2)
                #expect(request.prompt.dropFirst().allSatisfy { $0 != 2 })
            }
        }
    }

    @Test func `a stop string ends an answer, is not shown, and is cancelled in the engine`() async throws {
        let tokens = TestService.bytes("one. STOP and more")
        let script: FakeEngine.Script = { _ in FakeEngine.answer(tokens) }
        try await TestService.run(script: script) { service async throws in
            let reply = try await service.client.post(completions, #"{"prompt":"x","stop":[" STOP"]}"#)
            #expect(reply.json["choices"]?[0]?["text"] == "one.")
            #expect(reply.json["choices"]?[0]?["finish_reason"] == "stop")
            #expect(reply.json["usage"]?["completion_tokens"] == 9)
            #expect(service.engine.cancelled == ["0"])
        }
    }

    @Test func `a stream never shows a piece of a stop string and loses no text`() async throws {
        let tokens = TestService.bytes("STO ST STOP")
        let script: FakeEngine.Script = { _ in FakeEngine.answer(tokens) }
        try await TestService.run(script: script) { service async throws in
            let reply = try await service.client.post(
                completions, #"{"prompt":"x","stop":"STOP","stream":true}"#)
            #expect(texts(reply).joined() == "STO ST ")
            let other = try await service.client.post(
                completions, #"{"prompt":"x","stop":"STOPS","stream":true}"#)
            #expect(texts(other).joined() == "STO ST STOP")
            #expect(other.events.last == "[DONE]")
        }
    }

    private func texts(_ reply: HTTPClient.Reply) -> [String] {
        reply.events.compactMap { try? JSONValue.parse($0)["choices"]?[0]?["text"]?.string }
    }

    @Test func `half characters wait for their other half`() async throws {
        let tokens = TestService.bytes("aé😁b")
        let script: FakeEngine.Script = { _ in FakeEngine.answer(tokens) }
        try await TestService.run(script: script) { service async throws in
            let reply = try await service.client.post(completions, #"{"prompt":"x","stream":true}"#)
            #expect(texts(reply) == ["a", "é", "😁", "b", ""])
        }
    }

    @Test func `prompts times choices come in order`() async throws {
        let script: FakeEngine.Script = { request in
            let first = TestService.bytes(request.prompt.count == 1 ? "A" : "B")
            return FakeEngine.answer(first, choices: request.choiceCount)
        }
        try await TestService.run(script: script) { service async throws in
            let reply = try await service.client.post(completions, #"{"prompt":[[70],[70,71]],"n":2}"#)
            let choices = try #require(reply.json["choices"]?.array)
            #expect(choices.map { $0["index"] } == [0, 1, 2, 3])
            #expect(choices.map { $0["text"] } == ["A", "A", "B", "B"])
            #expect(
                reply.json["usage"] == [
                    "prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7,
                    "prompt_tokens_details": ["cached_tokens": 0],
                    "completion_tokens_details": [
                        "reasoning_tokens": 0, "accepted_prediction_tokens": 0,
                        "rejected_prediction_tokens": 0,
                    ],
                ])
        }
    }

    @Test func `legacy log-probabilities write half characters as bytes`() async throws {
        let half = TokenID(0xC3) + 3
        let script: FakeEngine.Script = { _ in
            [
                [.admitted],
                [
                    .token(
                        choice: 0, token: 100, logprob: -0.5,
                        alternatives: [.init(token: 100, logprob: -0.5), .init(token: half, logprob: -2)])
                ],
                [.finished(choice: 0, reason: .length)],
            ]
        }
        try await TestService.run(script: script) { service async throws in
            let reply = try await service.client.post(completions, #"{"prompt":"x","logprobs":2}"#)
            #expect(
                reply.json["choices"]?[0]?["logprobs"] == [
                    "tokens": ["a"], "token_logprobs": [-0.5],
                    "top_logprobs": [["a": -0.5, #"bytes:\xc3"#: -2.0]],
                    "text_offset": [0],
                ])
            #expect(service.engine.requests[0].wantsLogprobs)
            #expect(service.engine.requests[0].alternativeCount == 2)
        }
    }

    @Test func `a bias on a token that is not there is refused`() async throws {
        try await TestService.run { service async throws in
            let reply = try await service.client.post(
                completions, #"{"prompt":"x","logit_bias":{"3":1,"1000000":1}}"#)
            #expect(reply.status == 400)
            #expect(reply.json["error"]?["param"] == "logit_bias")
        }
    }

    @Test func `ignore_eos bans the end tokens`() async throws {
        try await TestService.run { service async throws in
            _ = try await service.client.post(completions, #"{"prompt":"x","ignore_eos":true}"#)
            #expect(service.engine.requests[0].stopTokens.isEmpty)
            #expect(service.engine.requests[0].bannedTokens.contains(2))
        }
    }

    @Test func `what a request says of cache, priority and time reaches the engine`() async throws {
        let script: FakeEngine.Script = { _ in
            [[.admitted, .prefilled(cachedTokens: 3)]] + FakeEngine.answer([100]).dropFirst()
        }
        try await TestService.run(script: script) { service async throws in
            let reply = try await service.client.post(
                completions,
                #"{"prompt":"x","cache_salt":"s","cache_prompt":false,"priority":-2,"timeout_ms":1500}"#)
            #expect(reply.json["usage"]?["prompt_tokens_details"] == ["cached_tokens": 3])
            #expect(reply.headers["x-apus-ignored"] == nil)
            let request = service.engine.requests[0]
            #expect(request.cacheSalt == "s" && !request.usesPrefixCache && request.priority == -2)
            #expect(request.timeout == .milliseconds(1500))
            _ = try await service.client.post(completions, #"{"prompt":"x"}"#)
            let plain = service.engine.requests[1]
            #expect(plain.cacheSalt == "" && plain.usesPrefixCache && plain.priority == 0)
            #expect(plain.timeout == nil)
        }
    }

    // MARK: - Time

    @Test func `time that is over before the first token is 408`() async throws {
        let script: FakeEngine.Script = { _ in [[.finished(choice: 0, reason: .timeout)]] }
        try await TestService.run(script: script) { service async throws in
            let reply = try await service.client.post(completions, #"{"prompt":"x","timeout_ms":1}"#)
            #expect(reply.status == 408)
            #expect(reply.json["error"]?["code"] == "deadline_exceeded")
        }
    }

    @Test func `time that is over in the queue is an event on a stream, whose head was sent`() async throws {
        let script: FakeEngine.Script = { _ in [[.finished(choice: 0, reason: .timeout)]] }
        try await TestService.run(script: script) { service async throws in
            let reply = try await service.client.post(
                completions, #"{"prompt":"x","timeout_ms":1,"stream":true}"#)
            #expect(reply.status == 200)
            #expect(reply.events.count == 1)
            let error = try JSONValue.parse(reply.events.first ?? "")
            #expect(error["error"]?["code"] == "deadline_exceeded")
        }
    }

    @Test func `time that is over later cuts the answer`() async throws {
        let script: FakeEngine.Script = { _ in FakeEngine.answer(TestService.bytes("AB"), end: .timeout) }
        try await TestService.run(script: script) { service async throws in
            let reply = try await service.client.post(completions, #"{"prompt":"x","timeout_ms":1}"#)
            #expect(reply.status == 200)
            #expect(reply.json["choices"]?[0]?["text"] == "AB")
            #expect(reply.json["choices"]?[0]?["finish_reason"] == "length")
        }
    }

    // MARK: - Refusals

    @Test(arguments: [false, true])
    func `a full queue is 429 before any head (check 93)`(stream: Bool) async throws {
        let script: FakeEngine.Script = { _ throws(AdmissionError) in throw .queueFull(retryAfterSeconds: 7) }
        try await TestService.run(script: script) { service async throws in
            let reply = try await service.client.post(completions, #"{"prompt":"x","stream":\#(stream)}"#)
            #expect(reply.status == 429)
            #expect(reply.headers["retry-after"] == "7")
            #expect(reply.json["error"]?["code"] == "rate_limit_exceeded")
        }
    }

    @Test(arguments: [
        ("/v1/completions", #"{"prompt":"x"}"#),
        ("/v1/chat/completions", #"{"messages":[{"role":"user","content":"x"}]}"#),
    ])
    func `a full queue is 429 before the prompt is looked at`(path: String, body: String) async throws {
        try await TestService.run { service async throws in
            service.engine.places.store(0, ordering: .releasing)
            let reply = try await service.client.post(path, body)
            #expect(reply.status == 429)
            #expect(reply.headers["retry-after"] == "7")
            #expect(service.engine.requests.isEmpty)
        }
    }

    @Test func `requests on their way to the queue have their places there`() async throws {
        try await TestService.run { service async throws in
            let (entrance, models) = (GenerationEntrance(), service.models)
            service.engine.places.store(2, ordering: .releasing)
            #expect(entrance.refusal(models) == nil)
            #expect(entrance.refusal(models) == nil)
            let refusal = try #require(entrance.refusal(models))
            #expect(refusal.status == .tooManyRequests)
            #expect(refusal.headers["retry-after"] == "7")
            // One of them turns out to be no request: its place is free again.
            #expect(throws: APIError.self) {
                try entrance.prepare { () throws(APIError) in throw .unavailable("no") }
            }
            #expect(entrance.refusal(models) == nil)
            #expect(entrance.refusal(models) != nil)
            // Without a model nobody is refused here: the route says what is missing.
            models.set(.draining)
            #expect(entrance.refusal(models) == nil)
        }
    }

    @Test func `a prompt that the KV memory cannot hold is refused with the numbers`() async throws {
        let script: FakeEngine.Script = { _ throws(AdmissionError) in
            throw .memoryExceeded(neededBytes: 5120, budgetBytes: 4096)
        }
        try await TestService.run(script: script) { service async throws in
            let reply = try await service.client.post(completions, #"{"prompt":"x"}"#)
            #expect(reply.status == 400)
            #expect(reply.json["error"]?["code"] == "memory_exceeded")
            #expect(reply.body.contains("need 5120 bytes of KV memory, but there are 4096 in all"))
        }
    }

    @Test func `what was taken of several prompts is cancelled when one is refused`() async throws {
        let script: FakeEngine.Script = { request throws(AdmissionError) in
            if request.prompt.count > 1 { throw .stopping }
            return []
        }
        try await TestService.run(script: script) { service async throws in
            let reply = try await service.client.post(completions, #"{"prompt":[[70],[70,71]]}"#)
            #expect(reply.status == 503)
            #expect(service.engine.cancelled == ["all"])
        }
    }

    @Test func `a prompt that fills the context is refused with both numbers`() async throws {
        try await TestService.run(contextLength: 8) { service async throws in
            let tokens = "[" + Array(repeating: "70", count: 8).joined(separator: ",") + "]"
            let reply = try await service.client.post(completions, #"{"prompt":\#(tokens)}"#)
            #expect(reply.status == 400)
            let error = try #require(reply.json["error"])
            #expect(error["code"] == "context_length_exceeded")
            #expect(error["param"] == "prompt")
            #expect(error["n_prompt_tokens"] == 8)
            #expect(error["n_ctx"] == 8)
            #expect(
                try await service.client.post(completions, #"{"prompt":\#(tokens),"max_tokens":0}"#).status
                    == 200)
            let chat = try await service.client.post(chat, "{\(user)}")
            #expect(chat.json["error"]?["param"] == "messages")
        }
    }

    @Test func `more tokens than the context has are cut to it`() async throws {
        try await TestService.run(contextLength: 8) { service async throws in
            #expect(
                try await service.client.post(completions, #"{"prompt":[70,71],"max_tokens":100}"#).status
                    == 200)
            #expect(service.engine.requests[0].tokensMax == 6)
        }
    }

    @Test func `a failure of an answer that is not streamed is a plain error`() async throws {
        let script: FakeEngine.Script = { _ in [[.finished(choice: 0, reason: .failed("out of luck"))]] }
        try await TestService.run(script: script) { service async throws in
            let reply = try await service.client.post(completions, #"{"prompt":"x"}"#)
            #expect(reply.status == 500)
            #expect(reply.json["error"]?["message"] == "out of luck")
        }
    }

    @Test func `a failure in a stream is an error event and no end mark`() async throws {
        let script: FakeEngine.Script = { _ in
            [
                [.admitted, .token(choice: 0, token: 100, logprob: nil, alternatives: [])],
                [.finished(choice: 0, reason: .failed("out of luck"))],
            ]
        }
        try await TestService.run(script: script) { service async throws in
            let reply = try await service.client.post(completions, #"{"prompt":"x","stream":true}"#)
            #expect(reply.status == 200)
            #expect(reply.events.count { !$0.hasPrefix(":") } == 2, "\(reply.body)")
            let last = try JSONValue.parse(reply.events.last ?? "")
            #expect(last["error"]?["message"] == "out of luck")
            #expect(last["error"]?["type"] == "server_error")
        }
    }

    @Test func `a client that vanishes cancels its generation (check 86)`() async throws {
        let script: FakeEngine.Script = { _ in [[.admitted]] }
        try await TestService.run(script: script) { service async throws in
            let descriptor = HTTPClient.open(service.client.port)
            let body = #"{"prompt":"x","stream":true}"#
            let text =
                "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
                + body
            _ = Array(text.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            while service.engine.requests.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
            // A reset, not a half-close.
            var linger = linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
            close(descriptor)
            for _ in 0..<400 where service.engine.cancelled.isEmpty {
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(service.engine.cancelled == ["all"])
        }
    }

    @Test(arguments: [
        (#"{"messages":}"#, "invalid_json"), ("", "empty_body"), ("[]", "invalid_type"),
        (#"{"prompt":"x","temperature":NaN}"#, "invalid_json"), (#"{"a":1,"a":2}"#, "invalid_json"),
        (#"{"a":1e999}"#, "invalid_json"), (#"{"a":"\ud800"}"#, "invalid_json"),
        (String(repeating: #"{"a":"#, count: 1_000), "invalid_json"),
    ])
    func `a body that is no JSON object is refused with its place (checks 47, 78)`(body: String, code: String)
        async throws
    {
        try await TestService.run { service async throws in
            for path in [chat, completions, "/tokenize", "/detokenize", "/apply-template"] {
                let reply = try await service.client.post(path, body)
                #expect(reply.status == 400)
                #expect(reply.json["error"]?["code"]?.string == code)
                if code == "invalid_json" {
                    #expect(reply.json["error"]?["message"]?.string?.contains("line 1") == true)
                }
            }
        }
    }

    @Test(arguments: [
        ("9223372036854775807", nil), ("-9223372036854775808", nil), ("9223372036854775808", "invalid_value"),
        ("1e300", "invalid_value"), ("1.5", "invalid_type"),
    ])
    func `a seed has 64 bits with its sign, and a larger one is told the range`(seed: String, code: String?)
        async throws
    {
        try await TestService.run { service async throws in
            let reply = try await service.client.post(completions, #"{"prompt":"x","seed":\#(seed)}"#)
            #expect(reply.status == (code == nil ? 200 : 400))
            #expect(reply.json["error"]?["code"]?.string == code)
        }
    }

    @Test func `another content type is 415, and so is none (check 77)`() async throws {
        try await TestService.run { service async throws in
            #expect(try await service.client.post(completions, "{}", type: "text/plain").status == 415)
            let body = #"{"prompt":"x"}"#
            let type = "Application/JSON; charset=utf-8"
            #expect(try await service.client.post(completions, body, type: type).status == 200)
        }
    }

    @Test func `an unknown model is 404, the served one and its aliases are found`() async throws {
        try await TestService.run { service async throws in
            let reply = try await service.client.post(completions, #"{"prompt":"x","model":"other"}"#)
            #expect(reply.status == 404)
            #expect(reply.json["error"]?["code"] == "model_not_found")
            for name in ["tiny", "small"] {
                #expect(
                    try await service.client.post(completions, #"{"prompt":"x","model":"\#(name)"}"#).status
                        == 200)
                #expect(try await service.client.get("/v1/models/\(name)").json["id"]?.string == name)
            }
            #expect(try await service.client.get("/v1/models/other").status == 404)
            #expect(try await service.client.get("/v1/models").json["data"]?.array?.count == 2)
        }
    }

    @Test func `health tells whether the model is there, and what needs it is 503 (check 93)`() async throws {
        try await TestService.run { service async throws in
            let healthy = try await service.client.get("/health")
            #expect(healthy.status == 200)
            #expect(healthy.json["engine"]?["kv_blocks"]?.int == 8)
            #expect(healthy.json["engine"]?["kv_blocks_free"]?.int == 5)
            let others: [(String, Int64)] = [
                ("kv_bytes", 800), ("kv_bytes_free", 500), ("kv_window_blocks", 4),
                ("kv_window_blocks_free", 3), ("kv_window_blocks_kept", 2),
            ]
            for (name, value) in others { #expect(healthy.json["engine"]?[name]?.int == value) }
            for state in [ModelSlot.State.loading, .draining] {
                service.models.set(state)
                #expect(try await service.client.get("/health").status == 503)
                let reply = try await service.client.post(completions, #"{"prompt":"x"}"#)
                #expect(reply.headers["retry-after"] == "1")
                #expect(try await service.client.get("/v1/models").status == 503)
                #expect(try await service.client.post(completions, #"{"prompt":"x"}"#).status == 503)
            }
        }
    }

    @Test func `a model without a template says what to use instead`() async throws {
        var tiny = TinyModel.llama
        tiny.hasChatTemplate = false
        try await TestService.run(tiny) { service async throws in
            let reply = try await service.client.post(chat, "{\(user)}")
            #expect(reply.status == 400)
            #expect(reply.json["error"]?["code"] == "no_chat_template")
        }
    }

    @Test func `unused fields are named in a header`() async throws {
        try await TestService.run { service async throws in
            let reply = try await service.client.post(
                completions, #"{"prompt":"x","user":"me","best":1,"echo":false}"#)
            #expect(reply.headers["x-apus-ignored"] == "user, best")
            let none = try await service.client.post(completions, #"{"prompt":"x"}"#)
            #expect(none.headers["x-apus-ignored"] == nil)
        }
    }
}
