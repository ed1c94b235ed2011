import Engine
import JSON
import ModelFiles
import TestSupport
import Testing
import Tokenization

@testable import API

/// What a request may ask for beside text: the prompt again, the best of several, figures, a prompt that fits.
@Suite struct CompletionFormTests {
    private let chat = "/v1/chat/completions"
    private let completions = "/v1/completions"

    /// Each choice's tokens with a log-probability of its own.
    private static func answers(_ texts: [(String, Float)]) -> FakeEngine.Script {
        { _ in
            var events: [GenerationEvent] = [.admitted]
            for (choice, (text, logprob)) in texts.enumerated() {
                for token in TestService.bytes(text) {
                    events.append(.token(choice: choice, token: token, logprob: logprob, alternatives: []))
                }
                events.append(.finished(choice: choice, reason: .length))
            }
            return [events + [.ended(timings: GenerationTimings())]]
        }
    }

    @Test func `the answers with the largest mean log-probability come first`() async throws {
        let script = Self.answers([("aaaa", -0.5), ("b", -1), ("cc", -0.25), ("", 0)])
        try await TestService.run(script: script) { service async throws in
            let reply = try await service.client.post(completions, #"{"prompt":"x","n":2,"best_of":4}"#)
            let choices = try #require(reply.json["choices"]?.array)
            #expect(choices.map { $0["text"] } == ["cc", "aaaa"])
            #expect(choices.map { $0["index"] } == [0, 1])
            #expect(choices.allSatisfy { $0["logprobs"] == .null })
            #expect(reply.json["usage"]?["completion_tokens"] == 7)
            #expect(service.engine.requests[0].choiceCount == 4 && service.engine.requests[0].wantsLogprobs)
        }
    }

    @Test func `the best are chosen for each prompt`() async throws {
        let script: FakeEngine.Script = { request throws(AdmissionError) in
            let isFirst = request.prompt.count == 1
            return try Self.answers([("a", isFirst ? -1 : -2), ("b", isFirst ? -2 : -1)])(request)
        }
        try await TestService.run(script: script) { service async throws in
            let reply = try await service.client.post(completions, #"{"prompt":[[70],[70,71]],"best_of":2}"#)
            let choices = try #require(reply.json["choices"]?.array)
            #expect(choices.map { $0["text"] } == ["a", "b"])
            #expect(choices.map { $0["index"] } == [0, 1])
        }
    }

    @Test func `prompts times the best may not be more than the limit`() throws {
        func error(_ prompts: Int) throws -> APIError? {
            let list = Array(repeating: "\"x\"", count: prompts).joined(separator: ",")
            let body = try #require(JSONValue.parse(#"{"prompt":[\#(list)],"best_of":128}"#).object)
            do throws(APIError) {
                _ = try CompletionRequest(body, vocabularyCount: 9)
                return nil
            } catch {
                return error
            }
        }
        #expect(try error(APILimits.choiceTotalMax / 128) == nil)
        #expect(try error(APILimits.choiceTotalMax / 128 + 1)?.param == "n")
    }

    @Test func `an echo without log-probabilities costs the engine nothing`() async throws {
        let script: FakeEngine.Script = { _ in FakeEngine.answer(TestService.bytes("!")) }
        try await TestService.run(script: script) { service async throws in
            let reply = try await service.client.post(completions, #"{"prompt":["Hé",[75]],"echo":true}"#)
            #expect(reply.json["choices"]?.array?.map { $0["text"] } == ["Hé!", "H!"])
            #expect(service.engine.requests.allSatisfy { $0.promptAlternatives == nil })
            let cut = try await service.client.post(
                completions, #"{"prompt":"abc","echo":true,"truncate_prompt_tokens":2}"#)
            #expect(cut.json["choices"]?[0]?["text"] == "bc!")
            #expect(cut.json["usage"]?["prompt_tokens_details"]?["truncated_tokens"] == 1)
        }
    }

    @Test func `scoring a prompt gives its log-probabilities and no more`() async throws {
        let script: FakeEngine.Script = { request in
            let tokens = request.prompt.dropFirst().map {
                PromptToken(token: $0, logprob: -2, rank: 3, alternatives: [])
            }
            return [[.admitted, .promptTokens(tokens)]] + FakeEngine.answer([]).dropFirst()
        }
        try await TestService.run(script: script) { service async throws in
            let reply = try await service.client.post(
                completions, #"{"prompt":"aéb","echo":true,"max_tokens":0,"logprobs":0}"#)
            let choice = try #require(reply.json["choices"]?[0])
            #expect(choice["text"] == "aéb" && choice["finish_reason"] == "length")
            #expect(choice["logprobs"]?["token_logprobs"] == [.null, -2.0, -2.0, -2.0])
            #expect(choice["logprobs"]?["text_offset"] == [0, 1, 1, 2])
            #expect(choice["logprobs"]?["top_logprobs"]?[0] == .null)
            #expect(service.engine.requests[0].tokensMax == 0)
        }
    }

    @Test func `mixed prompts are one text between ids`() async throws {
        try await TestService.run { service async throws in
            _ = try await service.client.post(completions, #"{"prompt":[5,"ab",6]}"#)
            #expect(service.engine.requests[0].prompt == [5] + TestService.bytes("ab") + [6])
        }
    }

    @Test func `what ended an answer may be part of it`() async throws {
        let script: FakeEngine.Script = { request in
            FakeEngine.answer(
                TestService.bytes("ab.") + (request.reportsStopToken ? [4] : []), end: .stopToken(4))
        }
        try await TestService.run(script: script) { service async throws in
            let cut = try await service.client.post(completions, #"{"prompt":"x","stop_token_ids":[4]}"#)
            #expect(cut.json["choices"]?[0]?["text"] == "ab.")
            let kept = try await service.client.post(
                completions, #"{"prompt":"x","stop_token_ids":[4],"include_stop_str_in_output":true}"#)
            #expect(kept.json["choices"]?[0]?["text"] == "ab.\u{1}")
            for reply in [cut, kept] {
                #expect(reply.json["usage"]?["completion_tokens"] == 4)
                #expect(reply.json["choices"]?[0]?["finish_reason"] == "stop")
            }
            let text = try await service.client.post(
                completions, #"{"prompt":"x","stop":"b","include_stop_str_in_output":true}"#)
            #expect(text.json["choices"]?[0]?["text"] == "ab")
        }
    }

    @Test func `control tokens show where they are not skipped`() async throws {
        let script: FakeEngine.Script = { _ in FakeEngine.answer([100, 1, 101]) }
        try await TestService.run(script: script) { service async throws in
            let hidden = try await service.client.post(completions, #"{"prompt":"x"}"#)
            #expect(hidden.json["choices"]?[0]?["text"] == "ab")
            let shown = try await service.client.post(
                completions, #"{"prompt":"x","skip_special_tokens":false}"#)
            #expect(shown.json["choices"]?[0]?["text"] == "a<|im_start|>b")
        }
    }

    // MARK: - Figures

    @Test func `every chunk may have the usage so far and timings`() async throws {
        let script: FakeEngine.Script = { _ in FakeEngine.answer(TestService.bytes("ab")) }
        try await TestService.run(script: script) { service async throws in
            let reply = try await service.client.post(
                completions,
                #"{"prompt":"xy","stream":true,"timings_per_token":true,"#
                    + #""stream_options":{"include_usage":true,"continuous_usage_stats":true}}"#)
            let chunks = try reply.events.dropLast().map { try JSONValue.parse($0) }
            #expect(chunks.map { $0["usage"]?["completion_tokens"] } == [1, 2, 2, 2])
            #expect(chunks.dropLast().map { $0["timings"]?["predicted_n"] } == [1, 2, 2])
            #expect(chunks[0]["timings"]?["prompt_n"] == 2)
            let whole = try await service.client.post(
                completions, #"{"prompt":"xy","timings_per_token":true}"#)
            #expect(whole.json["timings"]?["predicted_n"] == 2)
            #expect(whole.json["timings"]?["predicted_per_second"]?.double.map { $0.isFinite } == true)
            let plain = try await service.client.post(completions, #"{"prompt":"xy"}"#)
            #expect(plain.json["timings"] == nil)
        }
    }

    @Test func `progress is told in a stream only`() async throws {
        try await TestService.run { service async throws in
            let reply = try await service.client.post(completions, #"{"prompt":"x","return_progress":true}"#)
            #expect(reply.headers["x-apus-ignored"] == "return_progress")
            #expect(!service.engine.requests[0].wantsProgress)
        }
    }

    // MARK: - Prompts that do not fit

    @Test(arguments: [
        (#""truncate_prompt_tokens":3"#, "hij"),
        (#""truncate_prompt_tokens":3,"truncation_side":"right""#, "abc"),
        (#""truncate_prompt_tokens":10"#, "abcdefghij"), (#""truncate_prompt_tokens":99"#, "abcdefghij"),
        // Of a context of 12 half at most is the answer's, which has 16 tokens where the request does not say.
        (#""truncate_prompt_tokens":-1"#, "efghij"),
        (#""truncate_prompt_tokens":-1,"max_tokens":2"#, "abcdefghij"),
        (#""truncate_prompt_tokens":-1,"max_tokens":4"#, "cdefghij"),
    ])
    func `a long prompt is cut where the request says so`(members: String, kept: String) async throws {
        try await TestService.run(contextLength: 12) { service async throws in
            let reply = try await service.client.post(completions, #"{"prompt":"abcdefghij",\#(members)}"#)
            #expect(reply.status == 200)
            #expect(service.engine.requests[0].prompt == TestService.bytes(kept))
            let cut = 10 - kept.count
            #expect(
                reply.json["usage"]?["prompt_tokens_details"]?["truncated_tokens"]
                    == (cut > 0 ? .int(Int64(cut)) : nil))
        }
    }

    private func conversation(_ turns: Int) -> String {
        var messages = [#"{"role":"system","content":"Be brief."}"#]
        for turn in 0..<turns {
            messages.append(#"{"role":"user","content":"question \#(turn)"}"#)
            if turn < turns - 1 { messages.append(#"{"role":"assistant","content":"answer \#(turn)"}"#) }
        }
        return messages.joined(separator: ",")
    }

    @Test func `the oldest turns of a chat may be left out`() async throws {
        try await TestService.run(contextLength: 128) { service async throws in
            let body = #"{"messages":[\#(conversation(9))],"max_tokens":8,"#
            let refused = try await service.client.post(chat, body + #""n":1}"#)
            #expect(refused.status == 400 && refused.json["error"]?["code"] == "context_length_exceeded")
            #expect(refused.json["error"]?["n_ctx"] == 128)
            let needed = try #require(refused.json["error"]?["n_prompt_tokens"]?.int)
            #expect(needed > 128)
            let reply = try await service.client.post(
                chat, body + #""context_overflow":"truncate_oldest_turns"}"#)
            #expect(reply.status == 200)
            let prompt = service.engine.requests[0].prompt
            let text = String(decoding: service.tokenizer.decode(prompt, special: true), as: UTF8.self)
            #expect(prompt.count <= 120 && prompt.count > 80)
            #expect(text.contains("Be brief.") && text.contains("question 8") && !text.contains("question 0"))
            let dropped = try #require(
                reply.json["usage"]?["prompt_tokens_details"]?["dropped_messages"]?.int)
            #expect(dropped > 0 && dropped % 2 == 0 && !text.contains("question \(dropped / 2 - 1)<"))
            #expect(text.contains("question \(dropped / 2)<"))
        }
    }

    @Test func `a chat that fits loses nothing, and one turn that does not is refused`() async throws {
        try await TestService.run(contextLength: 128) { service async throws in
            let small = try await service.client.post(
                chat,
                #"{"messages":[\#(conversation(2))],"max_tokens":8,"context_overflow":"truncate_oldest_turns"}"#
            )
            #expect(small.json["usage"]?["prompt_tokens_details"] == ["cached_tokens": 0])
            let long = String(repeating: "x", count: 200)
            let large = try await service.client.post(
                chat,
                #"{"messages":[{"role":"user","content":"a"},{"role":"user","content":"\#(long)"}],"#
                    + #""context_overflow":"truncate_oldest_turns"}"#)
            #expect(large.status == 400 && large.json["error"]?["code"] == "context_length_exceeded")
        }
    }

    @Test func `turns are dropped as few as it takes`() throws {
        let text = "[\(conversation(12))]"
        let messages = try #require(JSONValue.parse(text).array)
        let turns = ChatTurns(messages)
        #expect(turns.droppableCount == 11)
        for most in 2...30 {
            let count = try turns.fewestDrops { (messages) throws(APIError) in messages.count <= most }
            let kept = turns.dropping(count)
            #expect(kept.first == messages.first && kept.last == messages.last)
            #expect(kept.count == messages.count - turns.droppedMessages(count))
            #expect(kept.count <= most)
            if count > 0 { #expect(turns.dropping(count - 1).count > most) }
        }
        #expect(ChatTurns([]).droppableCount == 0)
    }

    @Test func `an answer may go on past the context`() async throws {
        let script: FakeEngine.Script = { request in
            [[.admitted, .shifted(choice: 0, droppedTokens: 40)]]
                + FakeEngine.answer(TestService.bytes("a")).dropFirst()
        }
        try await TestService.run(contextLength: 64, script: script) { service async throws in
            let reply = try await service.client.post(
                completions, #"{"prompt":"x","max_tokens":500,"context_overflow":"shift"}"#)
            #expect(service.engine.requests[0].tokensMax == 500 && service.engine.requests[0].shiftsContext)
            #expect(reply.json["usage"]?["completion_tokens_details"]?["shifted_tokens"] == 40)
            // Without a limit the context is one.
            _ = try await service.client.post(
                chat, #"{"messages":[{"role":"user","content":"a"}],"context_overflow":"shift"}"#)
            let request = service.engine.requests[1]
            #expect(request.tokensMax == 64 - request.prompt.count)
        }
    }

    @Test func `a suffix needs a model that fills in`() async throws {
        try await TestService.run { service async throws in
            let reply = try await service.client.post(completions, #"{"prompt":"x","suffix":"y"}"#)
            #expect(reply.status == 400 && reply.json["error"]?["param"] == "suffix")
        }
    }

    @Test(arguments: [TinyModel.llama, .gemma3])
    func `a suffix stands behind the prompt, and the question last`(tiny: TinyModel) throws {
        var writer = tiny.writer()
        for (name, id) in [("pre", 5), ("suf", 6), ("mid", 7)] {
            writer.set("tokenizer.ggml.fim_\(name)_token_id", .uint32(UInt32(id)))
        }
        let directory = try TemporaryDirectory()
        let path = directory.file("fill.gguf")
        try writer.write(to: path)
        let tokenizer = try Tokenizer(GGUFFile(path: path).metadata)
        let engine = FakeEngine(vocabularyCount: tokenizer.vocabularyCount) { _ in [] }
        let model = ServedModel(id: "x", created: 0, tokenizer: tokenizer, template: nil, engine: engine)
        let body = try #require(JSONValue.parse(#"{"prompt":["a",[30,31]],"suffix":"b"}"#).object)
        let request = try CompletionRequest(body, vocabularyCount: tokenizer.vocabularyCount)
        func text(_ text: String) -> [TokenID] {
            tokenizer.encode(text, addSpecial: false, parseSpecial: false)
        }
        let opening = tokenizer.addsBOS ? [try #require(tokenizer.bosToken)] : []
        #expect(
            try request.promptTokens(model) == [
                opening + [5] + text("a") + [6] + text("b") + [7],
                opening + [5, 30, 31, 6] + text("b") + [7],
            ])
    }
}
