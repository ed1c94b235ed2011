import Engine
import HTTP
import JSON
import Models
import Testing

@testable import API

/// Embeddings by the model that generates.
@Suite struct EmbeddingRouteTests {
    /// An input of n tokens is embedded as n times the first direction.
    private static let script: FakeEngine.Script = { request throws(AdmissionError) in
        [
            [.admitted, .embedding([Float(request.prompt.count), 0, 0, 0])],
            [.finished(choice: 0, reason: .length), .ended(timings: GenerationTimings())],
        ]
    }

    @Test func `the model that generates embeds, under its own names and without one`() async throws {
        try await TestService.run(script: Self.script) { service in
            for model in ["", #""model":"tiny","#, #""model":"small","#] {
                let answer = try await service.client.post(
                    "/v1/embeddings", "{\(model)\"input\":[\"ab\",[5,6,7]]}")
                #expect(answer.status == 200)
                let data = try #require(answer.json["data"]?.array)
                #expect(data.count == 2 && answer.json["model"]?.string == "tiny")
                for (index, item) in data.enumerated() {
                    #expect(item["index"]?.int == Int64(index))
                    #expect(item["embedding"]?.array?.map(\.double) == [1, 0, 0, 0])
                }
                #expect(answer.json["usage"]?["prompt_tokens"]?.int == 5)
            }
            let request = try #require(service.engine.requests.first)
            #expect(request.pooling == .last && request.tokensMax == 0)
            let unknown = try await service.client.post("/v1/embeddings", #"{"model":"x","input":"a"}"#)
            #expect(unknown.status == 404)
        }
    }

    @Test func `what a request says of priority and time reaches the engine`() async throws {
        try await TestService.run(script: Self.script) { service in
            for (path, body) in [
                ("/v1/embeddings", #""input":"a""#), ("/v1/rerank", #""query":"a","documents":["b"]"#),
            ] {
                let answer = try await service.client.post(
                    path, "{\(body),\"priority\":-2,\"timeout_ms\":60000}")
                #expect(answer.status == 200 && answer.headers["x-apus-ignored"] == nil)
                let request = try #require(service.engine.requests.last)
                #expect(request.priority == -2)
                #expect(request.timeout.map { $0 <= .seconds(60) && $0 > .seconds(30) } == true)
                for wrong in [#""priority":1001"#, #""timeout_ms":0"#, #""timeout_ms":"x""#] {
                    let refused = try await service.client.post(path, "{\(body),\(wrong)}")
                    #expect(refused.status == 400)
                }
            }
        }
    }

    @Test func `time that is over, a full queue and a failure are told as elsewhere`() async throws {
        let cases: [(FakeEngine.Script, Int, String)] = [
            ({ _ in [[.finished(choice: 0, reason: .timeout)]] }, 408, "deadline_exceeded"),
            (
                { _ throws(AdmissionError) in throw .queueFull(retryAfterSeconds: 3) }, 429,
                "rate_limit_exceeded"
            ),
            ({ _ in [[.finished(choice: 0, reason: .failed("no"))]] }, 500, "internal_error"),
        ]
        for (script, status, code) in cases {
            try await TestService.run(script: script) { service in
                let answer = try await service.client.post("/v1/embeddings", #"{"input":["a","b"]}"#)
                #expect(answer.status == status)
                #expect(answer.json["error"]?["code"]?.string == code)
            }
        }
    }
}

/// A model that embeds, beside the one that generates and alone.
@Suite struct EmbedderRouteTests {
    @Test func `each of two models is asked by its name`() async throws {
        try await TestService.run(scoresPairs: false) { service in
            for model in ["", #""model":"embedder","#] {
                let answer = try await service.client.post("/v1/embeddings", "{\(model)\"input\":\"a\"}")
                #expect(answer.json["model"]?.string == "embedder" && service.engine.requests.isEmpty)
            }
            let chat = #"{"model":"embedder","messages":[{"role":"user","content":"a"}]}"#
            for (path, body) in [
                ("/v1/chat/completions", chat), ("/v1/completions", #"{"model":"embedder","prompt":"a"}"#),
                ("/apply-template", chat), ("/tokenize", chat),
            ] {
                let answer = try await service.client.post(path, body)
                #expect(answer.status == 400, "\(path)")
                #expect(answer.json["error"]?["code"]?.string == "unsupported_model")
                #expect(answer.json["error"]?["param"]?.string == "model")
            }
            let tokens = try await service.client.post("/tokenize", #"{"model":"embedder","prompt":"ab"}"#)
            #expect(tokens.json["max_model_len"]?.int == 32 && tokens.json["count"]?.int == 2)
            let other = try await service.client.post("/tokenize", #"{"prompt":"ab"}"#)
            #expect(other.json["max_model_len"]?.int == 256)
        }
    }

    @Test func `alone it embeds, ranks, tokenises and is listed, and does not generate`() async throws {
        try await TestService.run(scoresPairs: false, generates: false) { service in
            for path in ["/health", "/readyz", "/livez"] {
                #expect(try await service.client.get(path).status == 200, "\(path)")
            }
            #expect(try await service.client.get("/health").body == #"{"status":"ok"}"#)
            let listed = try await service.client.get("/v1/models").json["data"]?.array
            #expect(listed?.map { $0["id"]?.string } == ["embedder"])
            #expect(try await service.client.get("/v1/models/embedder").status == 200)
            #expect(try await service.client.get("/v1/models/tiny").status == 404)
            let embedded = try await service.client.post("/v1/embeddings", #"{"input":["a","b"]}"#)
            #expect(embedded.json["data"]?.array?.count == 2)
            let ranked = try await service.client.post("/v1/rerank", #"{"query":"a","documents":["b"]}"#)
            #expect(ranked.status == 200)
            let tokens = try await service.client.post("/tokenize", #"{"content":"ab"}"#)
            #expect(tokens.json["tokens"]?.array?.count == 2)
            let text = try await service.client.post("/detokenize", #"{"tokens":[68,69]}"#)
            #expect(text.json["content"]?.string == "AB")
            let chat = #""messages":[{"role":"user","content":"a"}]"#
            for path in ["/v1/chat/completions", "/apply-template"] {
                let answer = try await service.client.post(path, "{\(chat)}")
                #expect(answer.status == 400)
                let error = try #require(answer.json["error"])
                #expect(error["code"]?.string == "unsupported_model")
                #expect(error["message"]?.string?.contains("'embedder' does not generate") == true)
            }
            #expect(
                try await service.client.post("/v1/chat/completions", "{\"model\":\"tiny\",\(chat)}").status
                    == 404)
            #expect(
                try await service.client.post("/v1/embeddings", #"{"model":"tiny","input":"a"}"#).status
                    == 404)
        }
    }

    @Test func `a cross-encoder scores each document beside the query`() async throws {
        try await TestService.run(scoresPairs: true) { service in
            let documents = #""query":"aa","documents":["b","bbbb","bb"]"#
            let raw = try await service.client.post(
                "/v1/rerank", "{\(documents),\"raw_scores\":true,\"priority\":3}")
            let results = try #require(raw.json["results"]?.array)
            #expect(results.map { $0["index"]?.int } == [1, 2, 0])
            #expect(results.map { $0["relevance_score"]?.double } == [2, 0, -1])
            // The query counts beside each document.
            #expect(raw.json["usage"]?["prompt_tokens"]?.int == 13)
            let work = try #require(service.embedder?.works.last)
            #expect(work.inputs.map(\.secondStart) == [2, 2, 2] && work.priority == 3)
            #expect(work.inputs[1].tokens.count == 6)
            let plain = try await service.client.post("/v2/rerank", "{\(documents)}")
            let scores = try #require(plain.json["results"]?.array).map { $0["relevance_score"]?.double ?? 0 }
            for (score, expected) in zip(scores, [0.880797, 0.5, 0.268941]) {
                #expect(abs(score - expected) < 1e-5)
            }
            let long = String(repeating: "b", count: 31)
            let refused = try await service.client.post(
                "/v1/rerank", "{\"query\":\"aa\",\"documents\":[\"b\",\"\(long)\"]}")
            #expect(refused.json["error"]?["param"]?.string == "documents[1]")
            #expect(refused.json["error"]?["n_prompt_tokens"]?.int == 33)
            let cut = try await service.client.post(
                "/v1/rerank", "{\"query\":\"aa\",\"documents\":[\"\(long)\"],\"truncate\":true}")
            #expect(cut.status == 200 && service.embedder?.works.last?.inputs[0].tokens.count == 32)
        }
    }
}
