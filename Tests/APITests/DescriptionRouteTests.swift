import JSON
import Testing

@testable import API

/// Routes that say what is there or what would be read, and the paths without `/v1`.
@Suite struct DescriptionRouteTests {
    private let messages = #""messages":[{"role":"user","content":"Hi"}]"#
    private let tools = #""tools":[{"type":"function","function":{"name":"look_up"}}]"#

    @Test func `props describes the model as llama-server does`() async throws {
        try await TestService.run { service async throws in
            let props = try await service.client.get("/props").json
            #expect(props["default_generation_settings"]?["n_ctx"] == 256)
            #expect(props["default_generation_settings"]?["params"]?["temperature"]?.double == 1)
            #expect(props["default_generation_settings"]?["params"]?["seed"] == -1)
            #expect(props["total_slots"] == 1 && props["model_alias"] == "tiny")
            #expect(props["chat_template"]?.string?.contains("im_start") == true)
            #expect(props["bos_token"] == "<|im_start|>" && props["build_info"]?.string?.isEmpty == false)
        }
    }

    @Test func `version is vLLM's`() async throws {
        try await TestService.run { service async throws in
            #expect(try await service.client.get("/version").json == ["version": .string(APIVersion.current)])
        }
    }

    @Test func `input_tokens counts what a chat would read, tools and forced calls included`() async throws {
        try await TestService.run(contextLength: 4096) { service async throws in
            for more in ["", ",\(tools)", #",\#(tools),"tool_choice":"required""#] {
                let body = "{\(messages)\(more)}"
                let counted = try await service.client.post("/v1/chat/completions/input_tokens", body).json
                let usage = try await service.client.post("/v1/chat/completions", body).json["usage"]
                #expect(counted["input_tokens"] == usage?["prompt_tokens"])
                #expect(counted["object"] == "response.input_tokens")
                let tokens = try await service.client.post("/tokenize", body).json
                #expect(tokens["count"] == counted["input_tokens"])
                let text = try await service.client.post("/apply-template", body).json["prompt"]?.string
                #expect(text?.contains("look_up") == !more.isEmpty)
            }
            let wrong = try await service.client.post("/v1/chat/completions/input_tokens", #"{"messages":7}"#)
            #expect(wrong.status == 400 && wrong.json["error"]?["param"] == "messages")
        }
    }

    @Test func `routes stand without v1 too`() async throws {
        try await TestService.run { service async throws in
            let client = service.client
            for path in ["/models", "/models/tiny", "/v1/health"] {
                #expect(try await client.get(path).status == 200, "\(path)")
            }
            #expect(try await client.get("/models/huge").status == 404)
            for path in ["/chat/completions", "/chat/completions/input_tokens"] {
                #expect(try await client.post(path, "{\(messages)}").status == 200, "\(path)")
            }
            #expect(try await client.post("/completions", #"{"prompt":"x"}"#).status == 200)
            for (path, param) in [
                ("/embeddings", "input"), ("/rerank", "query"), ("/reranking", "query"),
                ("/v1/reranking", "query"),
            ] {
                let reply = try await client.post(path, "{}")
                #expect(reply.status == 400 && reply.json["error"]?["param"] == .string(param), "\(path)")
            }
        }
    }

    @Test func `a chat can go on with its last message`() async throws {
        try await TestService.run { service async throws in
            let chat =
                #""messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Well, I"}]"#
            let body = #"{\#(chat),"continue_final_message":true}"#
            let prompt = try await service.client.post("/apply-template", body).json["prompt"]?.string
            #expect(prompt?.hasSuffix("<|im_start|>assistant\nWell, I") == true)
            #expect(try await service.client.post("/v1/chat/completions", body).status == 200)
            let read = try #require(service.engine.requests.first?.prompt)
            #expect(String(decoding: service.tokenizer.decode(read, special: true), as: UTF8.self) == prompt)
            for more in [
                #""continue_final_message":true,"add_generation_prompt":true"#,
                #""continue_final_message":true,\#(tools),"tool_choice":"required""#,
            ] {
                let reply = try await service.client.post("/v1/chat/completions", "{\(chat),\(more)}")
                #expect(reply.status == 400 && reply.json["error"]?["param"] == "continue_final_message")
            }
            let nothing = #"{"messages":[{"role":"user","content":""}],"continue_final_message":true}"#
            #expect(try await service.client.post("/v1/chat/completions", nothing).status == 400)
        }
    }

    @Test(arguments: [
        ("/v1/chat/completions", #""messages":[{"role":"user","content":"Hi"}]"#),
        ("/v1/completions", #""prompt":"x""#), ("/tokenize", #""content":"x""#),
        ("/tokenize", #""messages":[{"role":"user","content":"Hi"}]"#), ("/detokenize", #""tokens":[100]"#),
        ("/apply-template", #""messages":[{"role":"user","content":"Hi"}]"#),
        ("/v1/chat/completions/input_tokens", #""messages":[{"role":"user","content":"Hi"}]"#),
    ])
    func `fields without effect are named, and with strict refused`(path: String, members: String)
        async throws
    {
        try await TestService.run { service async throws in
            let told = try await service.client.post(path, #"{\#(members),"metadata":{},"later":1}"#)
            #expect(told.status == 200 && told.headers["x-apus-ignored"] == "metadata, later")
            let refused = try await service.client.post(
                path, #"{\#(members),"metadata":{},"later":1,"strict":true}"#)
            #expect(refused.status == 400)
            #expect(refused.json["error"]?["code"] == "unknown_parameter")
            #expect(refused.json["error"]?["param"] == "metadata")
            #expect(refused.json["error"]?["message"]?.string?.contains("metadata, later") == true)
            let served = try await service.client.post(path, #"{\#(members),"strict":true}"#)
            #expect(served.status == 200 && served.headers["x-apus-ignored"] == nil)
        }
    }
}
