import Engine
import HTTP
import JSON
import ModelFiles
import TestSupport
import Testing

@testable import API

@Suite struct SamplingFieldTests {
    private func completion(_ members: String) throws -> CompletionRequest {
        let body = try #require(JSONValue.parse(#"{"prompt":"x",\#(members)}"#).object)
        return try CompletionRequest(body, vocabularyCount: 100)
    }

    private func error(_ members: String) throws -> APIError? {
        do {
            _ = try completion(members)
            return nil
        } catch let error as APIError {
            return error
        }
    }

    @Test(arguments: [
        (#""typical_p":1.1"#, "typical_p"), (#""top_n_sigma":-1.5"#, "top_n_sigma"),
        (#""top_n_sigma":1001"#, "top_n_sigma"), (#""xtc_probability":2"#, "xtc_probability"),
        (#""xtc_threshold":-0.1"#, "xtc_threshold"), (#""dynatemp_range":-1"#, "dynatemp_range"),
        (#""dynatemp_range":101"#, "dynatemp_range"), (#""dynatemp_exponent":"x""#, "dynatemp_exponent"),
        (#""min_keep":-1"#, "min_keep"), (#""mirostat":3"#, "mirostat"), (#""mirostat":-1"#, "mirostat"),
        (#""mirostat_tau":101"#, "mirostat_tau"), (#""mirostat_eta":1.1"#, "mirostat_eta"),
        (#""dry_multiplier":-1"#, "dry_multiplier"), (#""dry_multiplier":101"#, "dry_multiplier"),
        (#""dry_base":0.9"#, "dry_base"), (#""dry_base":101"#, "dry_base"),
        (#""dry_allowed_length":-1"#, "dry_allowed_length"),
        (#""dry_penalty_last_n":-2"#, "dry_penalty_last_n"),
        (#""dry_sequence_breakers":[]"#, "dry_sequence_breakers"),
        (#""dry_sequence_breakers":[""]"#, "dry_sequence_breakers[0]"),
        (#""samplers":["top_k","magic"]"#, "samplers[1]"), (#""samplers":[1]"#, "samplers[0]"),
        (#""samplers":"kz""#, "samplers"), (#""samplers":"kk""#, "samplers"), (#""samplers":1"#, "samplers"),
        (#""min_tokens":-1"#, "min_tokens"), (#""min_tokens":17"#, "min_tokens"),
        (#""max_tokens":3,"min_tokens":4"#, "min_tokens"),
        (#""stop_token_ids":5"#, "stop_token_ids"), (#""stop_token_ids":[-1]"#, "stop_token_ids[0]"),
        (#""stop_token_ids":["a"]"#, "stop_token_ids[0]"),
        (#""include_stop_str_in_output":1"#, "include_stop_str_in_output"),
        (#""skip_special_tokens":0"#, "skip_special_tokens"),
        (#""allowed_token_ids":[]"#, "allowed_token_ids"),
        (#""allowed_token_ids":[1.5]"#, "allowed_token_ids[0]"),
        (#""bad_words":"x""#, "bad_words"), (#""bad_words":[""]"#, "bad_words[0]"),
        (#""bad_words":[1]"#, "bad_words[0]"), (#""post_sampling_probs":1"#, "post_sampling_probs"),
        (#""logit_bias":[[1]]"#, "logit_bias[0]"), (#""logit_bias":[[1,true]]"#, "logit_bias[0]"),
        (#""logit_bias":[[true,1]]"#, "logit_bias[0]"), (#""logit_bias":"x""#, "logit_bias"),
    ])
    func `a bad field is named`(members: String, param: String) throws {
        let error = try #require(try error(members))
        #expect(error.status == .badRequest && error.param == param)
        #expect(error.message.contains("'\(param)'"))
    }

    @Test func `every sampler's numbers reach the engine`() throws {
        var expected = SamplingParameters()
        (expected.typicalP, expected.topNSigma, expected.keptMin) = (0.5, 1.5, 3)
        (expected.xtcProbability, expected.xtcThreshold) = (0.25, 0.75)
        (expected.dynamicRange, expected.dynamicExponent) = (0.5, 2)
        expected.mirostat = .init(version: 2)
        expected.mirostat?.tau = 4
        expected.mirostat?.eta = 0.5
        (expected.dry.multiplier, expected.dry.base) = (0.5, 2)
        (expected.dry.allowedLength, expected.dry.window) = (3, nil)
        expected.order = [.topK, .typicalP, .temperature]
        let members =
            #""typical_p":0.5,"top_n_sigma":1.5,"min_keep":3,"xtc_probability":0.25,"xtc_threshold":0.75,"#
            + #""dynatemp_range":0.5,"dynatemp_exponent":2,"mirostat":2,"mirostat_tau":4,"mirostat_eta":0.5,"#
            + #""dry_multiplier":0.5,"dry_base":2,"dry_allowed_length":3,"dry_penalty_last_n":-1,"#
        #expect(
            try completion(members + #""samplers":["top_k","typical_p","temp"]"#).common.sampling == expected)
        #expect(try completion(members + #""samplers":"kyt""#).common.sampling == expected)
        #expect(try completion(#""top_n_sigma":-1,"mirostat":0,"mirostat_tau":9"#).common.sampling == .init())
        #expect(try completion(#""dry_penalty_last_n":0"#).common.sampling.dry.window == 0)
    }

    @Test(arguments: [
        ("stop_token_ids", APILimits.stopTokenCountMax, "1"),
        ("allowed_token_ids", APILimits.allowedTokenCountMax, "1"),
        ("bad_words", APILimits.badWordCountMax, "\"x\""),
        ("dry_sequence_breakers", APILimits.dryBreakerCountMax, "\"x\""),
        ("logit_bias", APILimits.logitBiasCountMax, "[1,1]"),
    ])
    func `a list may be as long as its limit`(name: String, limit: Int, element: String) throws {
        func list(_ count: Int) -> String {
            "\"\(name)\":[" + Array(repeating: element, count: count).joined(separator: ",") + "]"
        }
        #expect(try error(list(limit)) == nil)
        #expect(try error(list(limit + 1))?.param == name)
    }

    @Test(arguments: [
        ("bad_words", APILimits.badWordBytesMax), ("dry_sequence_breakers", APILimits.dryBreakerBytesMax),
    ])
    func `a text may be as long as its limit`(name: String, limit: Int) throws {
        let text = String(repeating: "x", count: limit)
        #expect(try error("\"\(name)\":[\"\(text)\"]") == nil)
        #expect(try error("\"\(name)\":[\"\(text)x\"]")?.param == name + "[0]")
    }

    @Test func `a bias may name a text as long as its limit`() throws {
        let text = String(repeating: "x", count: APILimits.biasTextBytesMax)
        #expect(try error("\"logit_bias\":{\"\(text)\":1}") == nil)
        #expect(try error("\"logit_bias\":{\"\(text)x\":1}")?.param == "logit_bias.\(text)x")
    }

    // MARK: - With a vocabulary

    /// The request that the engine gets.
    private func submitted(_ members: String) async throws -> GenerationRequest {
        var found: GenerationRequest?
        try await TestService.run { service async throws in
            let reply = try await service.client.post("/v1/completions", #"{"prompt":"x",\#(members)}"#)
            #expect(reply.status == 200, "\(reply.body)")
            #expect(reply.headers["x-apus-ignored"] == nil)
            found = service.engine.requests.first
        }
        return try #require(found)
    }

    @Test func `ids and texts of a bias become tokens`() async throws {
        let a = TestService.bytes("a")[0]
        for bias in [#"{"7":-100,"a":3.5}"#, #"[[7,-100],["a",3.5]]"#] {
            let request = try await submitted(#""logit_bias":\#(bias)"#)
            #expect(request.sampling.logitBias == [7: -100, a: 3.5])
        }
        #expect(try await submitted(#""logit_bias":[["7",false]]"#).sampling.logitBias == [7: -.infinity])
    }

    @Test func `token lists reach the engine`() async throws {
        let request = try await submitted(
            #""stop_token_ids":[9,8],"allowed_token_ids":[5,4,5],"min_tokens":3,"bad_words":[" ab"],"#
                + #""include_stop_str_in_output":true,"post_sampling_probs":true"#)
        #expect(request.stopTokens.isSuperset(of: [8, 9]) && request.stopTokens.count > 2)
        #expect(request.sampling.allowedTokens == [4, 5])
        #expect(request.tokensMin == 3 && request.reportsStopToken && request.reportsSampledDistribution)
        let word = TestService.bytes("ab")
        #expect(request.bannedSequences.contains(word) && request.bannedSequences.count == 2)
        #expect(request.sampling.dry.breakers.isEmpty)
    }

    @Test(arguments: ["stop_token_ids", "allowed_token_ids", "logit_bias"])
    func `a token beyond the vocabulary is refused`(name: String) async throws {
        try await TestService.run { service async throws in
            let value = name == "logit_bias" ? #"{"100000":1}"# : "[100000]"
            let reply = try await service.client.post(
                "/v1/completions", #"{"prompt":"x","\#(name)":\#(value)}"#)
            #expect(reply.status == 400 && reply.body.contains(#""param":"\#(name)""#))
            #expect(service.engine.requests.isEmpty)
        }
    }

    @Test func `breakers are found inside tokens and across them`() async throws {
        let request = try await submitted(#""dry_multiplier":1,"dry_sequence_breakers":["ab"]"#)
        let (a, b) = (TestService.bytes("a")[0], TestService.bytes("b")[0])
        let breakers = request.sampling.dry.breakers
        #expect(breakers[a] == [[b]] && breakers[b] == nil)
        let usual = try await submitted(#""dry_multiplier":1"#)
        #expect(usual.sampling.dry.breakers[TestService.bytes("\n")[0]] == [[]])
    }

    // MARK: - The model file's defaults

    private func recommended(_ values: [(String, GGUFWriter.Value)]) throws -> SamplingParameters {
        var writer = GGUFWriter()
        for (name, value) in values { writer.set("general.sampling." + name, value) }
        let directory = try TemporaryDirectory()
        let path = directory.file("x.gguf")
        try writer.write(to: path)
        let file = try GGUFFile(path: path)
        return try SamplingParameters(recommendedBy: file.metadata)
    }

    @Test func `a model file may recommend how to draw`() throws {
        #expect(try recommended([]) == SamplingParameters())
        var expected = SamplingParameters()
        (expected.temperature, expected.topK, expected.topP, expected.minP) = (0.5, 20, 0.75, 0.25)
        (expected.xtcProbability, expected.xtcThreshold) = (0.5, 0.25)
        (expected.repetitionPenalty, expected.repetitionWindow) = (1.5, 64)
        expected.mirostat = .init(version: 2)
        expected.mirostat?.tau = 4
        expected.mirostat?.eta = 0.5
        expected.order = [.topK, .temperature]
        let found = try recommended([
            ("temp", .float32(0.5)), ("top_k", .int32(20)), ("top_p", .float32(0.75)),
            ("min_p", .float32(0.25)), ("xtc_probability", .float32(0.5)), ("xtc_threshold", .float32(0.25)),
            ("penalty_repeat", .float32(1.5)), ("penalty_last_n", .int32(64)), ("mirostat", .int32(2)),
            ("mirostat_tau", .float32(4)), ("mirostat_eta", .float32(0.5)),
            ("sequence", .string("top_k;temperature")),
        ])
        #expect(found == expected)
        let body = try #require(
            JSONValue.parse(#"{"prompt":"x","top_k":-1,"temperature":0,"mirostat":0}"#).object)
        let asked = try CompletionRequest(body, vocabularyCount: 9, sampling: found).common.sampling
        #expect(asked.topK == 0 && asked.temperature == 0 && asked.mirostat == nil && asked.topP == 0.75)
    }

    @Test(arguments: [
        ("temp", GGUFWriter.Value.float32(-1)), ("temp", .float32(.nan)), ("top_k", .int32(-1)),
        ("top_p", .string("x")), ("mirostat", .int32(3)), ("sequence", .string("top_k;magic")),
    ])
    func `a recommendation that cannot be followed is named`(key: String, value: GGUFWriter.Value) throws {
        let error = #expect(throws: ModelFileError.self) { try self.recommended([(key, value)]) }
        #expect(error?.description.contains("general.sampling." + key) == true)
    }
}
