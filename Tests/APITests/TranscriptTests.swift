import Engine
import Glibc
import ModelFiles
import Testing

@testable import API

/// Requests and the bytes that answer them, in `golden/NAME.txt` for a person to read.
///
/// `APUS_RECORD=1 swift test --filter TranscriptTests` writes the files anew; the diff is the review.
@Suite struct TranscriptTests {
    struct Case: Sendable, CustomStringConvertible {
        var name: String
        var path: String
        var body: String
        /// What the model says, a token for each byte, before it ends.
        var answer = "aé😁"
        var template: String?
        var description: String { name }
    }

    private static let user = #""messages":[{"role":"user","content":"Hi"}]"#

    private static let tools = #""tools":[{"type":"function","function":{"name":"f","parameters":{}}}]"#
    private static let calls =
        "So:\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>\n<tool_call>\n{\"name\": \"f\"}\n</tool_call>"
    /// The prompt's end opens the reasoning.
    private static let thinking = "{% for m in messages %}{{ m.content }}{% endfor %}<think>\n{# </think> #}"

    static let cases = [
        Case(name: "chat", path: "/v1/chat/completions", body: "{\(user)}"),
        Case(name: "chat-stream", path: "/v1/chat/completions", body: #"{\#(user),"stream":true}"#),
        Case(
            name: "chat-stream-everything", path: "/v1/chat/completions",
            body: #"{\#(user),"n":2,"stream":true,"stream_options":{"include_usage":true},"#
                + #""logprobs":true,"top_logprobs":2,"return_token_ids":true,"user":"me"}"#),
        Case(
            name: "chat-everything", path: "/v1/chat/completions",
            body: #"{\#(user),"n":2,"logprobs":true,"top_logprobs":2,"return_token_ids":true}"#),
        Case(name: "chat-tools", path: "/v1/chat/completions", body: "{\(user),\(tools)}", answer: calls),
        Case(
            name: "chat-tools-stream", path: "/v1/chat/completions",
            body: "{\(user),\(tools),\"stream\":true}",
            answer: "<tool_call>{\"name\":\"f\",\"arguments\":{\"é\":1}}</tool_call>"),
        Case(
            name: "chat-tools-forced-stream", path: "/v1/chat/completions",
            body: "{\(user),\(tools),\"stream\":true,\"tool_choice\":\"required\",\"max_tokens\":9}",
            answer: " {\"a\":2}} never read"),
        Case(
            name: "chat-reasoning", path: "/v1/chat/completions", body: "{\(user)}",
            answer: "Hm.\n</think>\n\nYes.", template: thinking),
        Case(
            name: "chat-reasoning-stream", path: "/v1/chat/completions",
            body: "{\(user),\"stream\":true,\"stream_options\":{\"include_usage\":true}}",
            answer: "Hm\n</think>\n\nOk", template: thinking),
        Case(
            name: "chat-reasoning-none", path: "/v1/chat/completions",
            body: "{\(user),\"reasoning_format\":\"none\"}", answer: "Hm.\n</think>\n\nYes.",
            template: thinking),
        Case(name: "completion", path: "/v1/completions", body: #"{"prompt":"Hi"}"#),
        Case(
            name: "completion-stream", path: "/v1/completions",
            body: #"{"prompt":["Hi","Ho"],"stream":true,"stream_options":{"include_usage":true}}"#),
        Case(
            name: "completion-everything", path: "/v1/completions",
            body: #"{"prompt":["Hi","Ho"],"logprobs":2,"return_token_ids":true,"stop":"é"}"#),
        Case(
            name: "completion-stream-everything", path: "/v1/completions",
            body: #"{"prompt":"Hi","logprobs":2,"return_token_ids":true,"stream":true,"stop":["é"]}"#),
        Case(
            name: "completion-echo", path: "/v1/completions",
            body: #"{"prompt":["Hi é",[75,108]],"echo":true,"logprobs":1,"prompt_logprobs":2}"#),
        Case(
            name: "completion-stream-echo", path: "/v1/completions",
            body: #"{"prompt":"Hi","echo":true,"logprobs":1,"stream":true,"return_progress":true,"#
                + #""stream_options":{"continuous_usage_stats":true}}"#),
        Case(
            name: "chat-prompt-logprobs", path: "/v1/chat/completions",
            body:
                #"{"messages":[{"role":"user","content":""}],"prompt_logprobs":1,"context_overflow":"shift","#
                + #""include_stop_str_in_output":true,"skip_special_tokens":false}"#),
        Case(name: "error-field", path: "/v1/completions", body: #"{"prompt":"Hi","temperature":-1}"#),
        Case(
            name: "error-strict", path: "/v1/chat/completions", body: #"{\#(user),"user":"me","strict":true}"#
        ),
        Case(
            name: "input-tokens", path: "/v1/chat/completions/input_tokens",
            body: #"{\#(user),"reasoning_effort":"low","user":"me"}"#),
        Case(name: "tokenize", path: "/tokenize", body: #"{"content":"Hé","with_pieces":true,"n":1}"#),
        Case(name: "tokenize-chat", path: "/tokenize", body: #"{\#(user),"return_token_strs":true}"#),
        Case(name: "detokenize", path: "/detokenize", body: #"{"tokens":[75,198]}"#),
        Case(name: "apply-template", path: "/apply-template", body: "{\(user),\(tools)}"),
        Case(name: "error-json", path: "/v1/chat/completions", body: "{\"messages\":\n[}"),
    ]

    @Test(arguments: cases)
    func `answers are what the transcript says`(item: Case) async throws {
        // A byte a token, then the end token; with alternatives where they are asked for.
        let script: FakeEngine.Script = { request in
            let steps = FakeEngine.answer(
                TestService.bytes(item.answer) + (request.reportsStopToken ? [2] : []), end: .stopToken(2),
                choices: request.choiceCount)
            return [Self.reading(request)] + steps.map { $0.map { Self.withLogprobs($0, request) } }
        }
        try await TestService.run(contextLength: 4096, template: item.template, script: script) {
            service async throws in
            let reply = try await service.client.post(item.path, item.body)
            var text =
                "POST \(item.path)\n\(item.body)\n\n\(reply.status) \(reply.headers["content-type"] ?? "")\n"
            if let ignored = reply.headers["x-apus-ignored"] { text += "x-apus-ignored: \(ignored)\n" }
            text += "\n" + Self.withoutChance(reply.body)
            if !text.hasSuffix("\n") { text += "\n" }
            try compare(text, item.name)
        }
    }

    /// What comes of a prompt where it is asked for.
    private static func reading(_ request: GenerationRequest) -> [GenerationEvent] {
        var events: [GenerationEvent] = []
        if request.wantsProgress {
            events = [
                .admitted, .progress(processed: 1, cachedTokens: 1), .progress(processed: 2, cachedTokens: 1),
            ]
        }
        if let count = request.promptAlternatives {
            events.append(
                .promptTokens(
                    request.prompt.dropFirst().map { token in
                        let best = [
                            TokenLogprob(token: 3, logprob: -0.125),
                            TokenLogprob(token: token, logprob: -0.5),
                        ]
                        return PromptToken(
                            token: token, logprob: -0.5, rank: 2, alternatives: Array(best.prefix(count)))
                    }))
        }
        if request.shiftsContext { events.append(.shifted(choice: 0, droppedTokens: 48)) }
        return events
    }

    private static func withLogprobs(_ event: GenerationEvent, _ request: GenerationRequest)
        -> GenerationEvent
    {
        guard request.wantsLogprobs, case .token(let choice, let token, _, _) = event else { return event }
        let best = [TokenLogprob(token: token, logprob: -0.25), TokenLogprob(token: 3, logprob: -.infinity)]
        return .token(
            choice: choice, token: token, logprob: -0.25,
            alternatives: Array(best.prefix(request.alternativeCount)))
    }

    /// The id and the time of an answer are never the same again.
    private static func withoutChance(_ body: String) -> String {
        body.replacing(#/"id":"(chatcmpl|cmpl)-[A-Za-z0-9]{24}"/#) { "\"id\":\"\($0.output.1)-ID\"" }
            .replacing(#/"id":"call_[A-Za-z0-9]{24}"/#, with: "\"id\":\"call_ID\"")
            .replacing(#/"created":[0-9]+/#, with: "\"created\":0")
            .replacing(#/"time_ms":[0-9.e-]+/#, with: "\"time_ms\":0")
    }

    private func compare(_ text: String, _ name: String) throws {
        let path = String(#filePath.dropLast("TranscriptTests.swift".count)) + "golden/\(name).txt"
        if getenv("APUS_RECORD") != nil {
            let file = try #require(fopen(path, "w"))
            fputs(text, file)
            fclose(file)
            return
        }
        let file = try #require(fopen(path, "r"), "\(path) is missing; APUS_RECORD=1 writes it")
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        #expect(text == String(decoding: bytes[..<count], as: UTF8.self))
    }
}
