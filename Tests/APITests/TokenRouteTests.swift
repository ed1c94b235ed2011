import JSON
import Testing

@testable import API

@Suite struct TokenRouteTests {
    @Test func `tokenize speaks both dialects`() async throws {
        try await TestService.run { service async throws in
            let llama = try await service.client.post("/tokenize", #"{"content":"Hello"}"#)
            let tokens = try #require(llama.json["tokens"]?.array)
            #expect(llama.json.object?.keys == ["tokens"])
            let vllm = try await service.client.post(
                "/tokenize", #"{"prompt":"Hello","return_token_strs":true}"#)
            #expect(vllm.json["tokens"]?.array == tokens)
            #expect(vllm.json["count"] == .int(Int64(tokens.count)))
            #expect(vllm.json["max_model_len"] == 256)
            #expect(vllm.json["token_strs"]?.array?.compactMap(\.string).joined() == "Hello")
        }
    }

    @Test func `special tokens are parsed when asked`() async throws {
        try await TestService.run { service async throws in
            let plain = try await service.client.post("/tokenize", #"{"content":"<|im_end|>"}"#)
            #expect(plain.json["tokens"]?.array?.count != 1)
            let parsed = try await service.client.post(
                "/tokenize", #"{"content":"<|im_end|>","parse_special":true}"#)
            #expect(parsed.json["tokens"] == [2])
        }
    }

    @Test func `pieces that are half a character are bytes`() async throws {
        try await TestService.run { service async throws in
            let reply = try await service.client.post("/tokenize", #"{"content":"aé","with_pieces":true}"#)
            #expect(
                reply.json["tokens"] == [
                    ["id": 100, "piece": "a"], ["id": 198, "piece": [195]], ["id": 172, "piece": [169]],
                ])
        }
    }

    @Test func `messages are counted as a chat would be`() async throws {
        try await TestService.run { service async throws in
            let messages = #""messages":[{"role":"user","content":"Hi"}]"#
            let reply = try await service.client.post("/tokenize", "{\(messages)}")
            _ = try await service.client.post("/v1/chat/completions", "{\(messages)}")
            let prompt = service.engine.requests[0].prompt
            #expect(reply.json["tokens"]?.array?.compactMap(\.int) == prompt.map { Int64($0) })
        }
    }

    @Test func `detokenize gives the text under both names`() async throws {
        try await TestService.run { service async throws in
            let reply = try await service.client.post("/detokenize", #"{"tokens":[1,100,2]}"#)
            #expect(
                reply.json == ["content": "<|im_start|>a<|im_end|>", "prompt": "<|im_start|>a<|im_end|>"])
            #expect(try await service.client.post("/detokenize", #"{"tokens":[]}"#).json["content"] == "")
            let broken = try await service.client.post("/detokenize", #"{"tokens":[198]}"#)
            #expect(broken.json["content"] == "\u{FFFD}")
            let unknown = try await service.client.post("/detokenize", #"{"tokens":[5,99999]}"#)
            #expect(unknown.status == 400)
            #expect(unknown.json["error"]?["param"] == "tokens[1]")
        }
    }

    @Test func `a template is applied, with or without the assistant's turn`() async throws {
        try await TestService.run { service async throws in
            let messages = #""messages":[{"role":"user","content":"Hi"}]"#
            let whole = try await service.client.post("/apply-template", "{\(messages)}")
            #expect(whole.json == ["prompt": "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"])
            let open = try await service.client.post(
                "/apply-template", #"{\#(messages),"add_generation_prompt":false}"#)
            #expect(open.json == ["prompt": "<|im_start|>user\nHi<|im_end|>\n"])
        }
    }
}
