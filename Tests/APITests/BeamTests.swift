import Engine
import Glibc
import JSON
import ModelFiles
import TestSupport
import Testing

@testable import API

@Suite struct BeamTests {
    /// A model of five tokens whose probabilities depend on all that came before, sorted by probability.
    private static func candidates(after tokens: [TokenID], count: Int = 5) -> [TokenLogprob] {
        var hash: UInt64 = 0x9E37_79B9
        for token in tokens { hash = (hash ^ UInt64(truncatingIfNeeded: token)) &* 0x100_0000_01B3 &+ 7 }
        let logits = (0..<5).map { place -> Double in
            var bits = (hash &+ UInt64(place)) &* 0xBF58_476D_1CE4_E5B9
            bits ^= bits >> 31
            return Double(bits >> 40) * 0x1p-24 * 3
        }
        let total = log(logits.reduce(0) { $0 + exp($1) })
        return logits.enumerated().map {
            TokenLogprob(token: TokenID(100 + $0.offset), logprob: Float($0.element - total))
        }
        .sorted { $0.logprob > $1.logprob }.prefix(count).map { $0 }
    }

    private func parameters(_ width: Int, tokensMax: Int, penalty: Double = 1) -> BeamSearch.Parameters {
        BeamSearch.Parameters(
            width: width, lengthPenalty: penalty, stopsEarly: false, tokensMin: 0, tokensMax: tokensMax,
            stopTokens: [104], bannedTokens: [])
    }

    private func run(_ parameters: BeamSearch.Parameters, from prompt: [TokenID]) -> BeamSearch {
        var search = BeamSearch(parameters)
        while !search.isDone {
            search.advance(search.running.map { Self.candidates(after: prompt + $0.tokens.map(\.token)) })
        }
        return search
    }

    /// Every continuation there is: (tokens with the stop token, sum).
    private func everything(_ prompt: [TokenID], tokensMax: Int) -> [(tokens: [TokenID], sum: Double)] {
        var open: [(tokens: [TokenID], sum: Double)] = [([], 0)]
        var whole: [(tokens: [TokenID], sum: Double)] = []
        for _ in 0..<tokensMax {
            var next: [(tokens: [TokenID], sum: Double)] = []
            for path in open {
                for candidate in Self.candidates(after: prompt + path.tokens) {
                    let longer = (path.tokens + [candidate.token], path.sum + Double(candidate.logprob))
                    if candidate.token == 104 { whole.append(longer) } else { next.append(longer) }
                }
            }
            open = next
        }
        return whole + open
    }

    private func score(_ path: (tokens: [TokenID], sum: Double), _ penalty: Double) -> Double {
        let length = path.tokens.count - (path.tokens.last == 104 ? 1 : 0)
        return path.sum / pow(Double(max(1, length)), penalty)
    }

    @Test(arguments: [0, 1, 2] as [Double]) func `wide enough, it finds the best of all`(penalty: Double) {
        for seed in 0..<40 {
            let prompt = [TokenID(seed)]
            // 4^3 beams are all there are.
            let search = run(parameters(64, tokensMax: 3, penalty: penalty), from: prompt)
            let all = everything(prompt, tokensMax: 3).map { score($0, penalty) }.sorted(by: >)
            let best = search.best.prefix(5).map { beam in
                score((beam.tokens.map(\.token) + [beam.last].compactMap { $0 }, beam.sum), penalty)
            }
            #expect(zip(best, all).allSatisfy { abs($0 - $1) < 1e-9 })
        }
    }

    /// The rule in its plainest form, step by step.
    @Test(arguments: [1, 2, 4]) func `each step keeps the most probable continuations`(width: Int) {
        for seed in 0..<40 {
            let prompt = [TokenID(seed), 3]
            var search = BeamSearch(parameters(width, tokensMax: 30))
            var open: [(tokens: [TokenID], sum: Double)] = [([], 0)]
            for _ in 0..<6 where !search.isDone {
                search.advance(search.running.map { Self.candidates(after: prompt + $0.tokens.map(\.token)) })
                open = open.flatMap { path in
                    Self.candidates(after: prompt + path.tokens).filter { $0.token != 104 }.map {
                        (path.tokens + [$0.token], path.sum + Double($0.logprob))
                    }
                }
                open = Array(open.sorted { $0.sum > $1.sum }.prefix(width))
                #expect(search.running.map { $0.tokens.map(\.token) } == open.map(\.tokens))
                #expect(search.finished.count <= width)
            }
        }
    }

    @Test func `it ends when nothing better can come, or early where asked`() {
        var early = parameters(2, tokensMax: 50)
        early.stopsEarly = true
        var (sooner, later) = (0, 0)
        for seed in 0..<30 {
            var (a, b) = (BeamSearch(early), BeamSearch(parameters(2, tokensMax: 50)))
            while !a.isDone {
                a.advance(a.running.map { Self.candidates(after: [TokenID(seed)] + $0.tokens.map(\.token)) })
                sooner += 1
            }
            while !b.isDone {
                b.advance(b.running.map { Self.candidates(after: [TokenID(seed)] + $0.tokens.map(\.token)) })
                later += 1
            }
            #expect(a.finished.count >= 2 || a.running.isEmpty)
        }
        #expect(sooner < later)
    }

    @Test func `no beam ends before the least number of tokens, nor has a banned one`() {
        var parameters = parameters(3, tokensMax: 6)
        parameters.tokensMin = 4
        parameters.bannedTokens = [101]
        for seed in 0..<30 {
            for beam in run(parameters, from: [TokenID(seed)]).best {
                #expect(beam.tokens.count >= 4 && beam.tokens.allSatisfy { $0.token != 101 })
            }
        }
        #expect(BeamSearch(self.parameters(3, tokensMax: 0)).isDone)
    }

    // MARK: - The route

    private static let script: FakeEngine.Script = { request in
        let best = candidates(after: request.prompt, count: request.alternativeCount)
        let token = GenerationEvent.token(
            choice: 0, token: best[0].token, logprob: best[0].logprob, alternatives: best)
        return [
            [.admitted, .prefilled(cachedTokens: 1), token, .finished(choice: 0, reason: .length)]
                + [.ended(timings: GenerationTimings())]
        ]
    }

    @Test func `the route gives the beams of the search`() async throws {
        try await TestService.run(script: Self.script) { service async throws in
            let reply = try await service.client.post(
                "/v1/completions",
                #"{"prompt":[[7],[9]],"n":2,"best_of":3,"use_beam_search":true,"max_tokens":5,"logprobs":1,"#
                    + #""stop_token_ids":[104],"temperature":0.7,"length_penalty":2}"#)
            #expect(reply.status == 200)
            #expect(reply.headers["x-apus-ignored"] == "temperature")
            let choices = try #require(reply.json["choices"]?.array)
            #expect(choices.map { $0["index"] } == [0, 1, 2, 3])
            var parameters = parameters(3, tokensMax: 5, penalty: 2)
            // The file's own ends beside it are none of the five.
            parameters.stopTokens = [104]
            for (prompt, first) in [(TokenID(7), 0), (9, 2)] {
                let beams = run(parameters, from: [prompt]).best.prefix(2)
                for (offset, beam) in beams.enumerated() {
                    let text = String(decoding: beam.tokens.map { UInt8($0.token - 3) }, as: UTF8.self)
                    #expect(choices[first + offset]["text"] == .string(text))
                    #expect(
                        choices[first + offset]["finish_reason"] == (beam.last == nil ? "length" : "stop"))
                    #expect(
                        choices[first + offset]["logprobs"]?["token_logprobs"]?.array?.count
                            == beam.tokens.count)
                }
            }
            #expect(reply.json["usage"]?["prompt_tokens"] == 2)
            #expect(reply.json["usage"]?["prompt_tokens_details"]?["cached_tokens"] == 2)
            #expect(service.engine.requests.allSatisfy { $0.tokensMax == 1 && $0.alternativeCount == 6 })
        }
    }

    @Test func `a chat may be answered by it, on a real engine`() async throws {
        try await TestService.run { service, engine async throws in
            engine.allow(steps: 1_000_000)
            let reply = try await service.client.post(
                "/v1/chat/completions",
                #"{"messages":[{"role":"user","content":"Hi"}],"n":3,"use_beam_search":true,"max_tokens":6}"#)
            let choices = try #require(reply.json["choices"]?.array)
            #expect(choices.count == 3 && choices[0]["message"]?["content"] == "aaaaaa")
            #expect(Set(choices.compactMap { $0["message"]?["content"]?.string }).count == 3)
            #expect(engine.status.sequencesRunning == 0)
        }
    }

    @Test(arguments: [
        (#""stop":"x""#, "stop"), (#""logit_bias":{"5":1}"#, "logit_bias"), (#""stream":true"#, "stream"),
        (#""mirostat":2"#, "mirostat"), (#""length_penalty":11"#, "length_penalty"),
        (#""early_stopping":"never""#, "early_stopping"), (#""n":11"#, "n"), (#""best_of":11"#, "n"),
        (#""context_overflow":"shift""#, "context_overflow"), (#""echo":true"#, "echo"),
    ])
    func `what does not go with it is refused`(members: String, param: String) throws {
        let body = try #require(JSONValue.parse(#"{"prompt":"x","use_beam_search":true,\#(members)}"#).object)
        let error = #expect(throws: APIError.self) { try CompletionRequest(body, vocabularyCount: 9) }
        #expect(error?.param == param && error?.status == .badRequest)
    }

    @Test func `as many beams as the limit are searched`() throws {
        let body = try #require(
            JSONValue.parse(#"{"prompt":"x","use_beam_search":true,"n":\#(APILimits.beamCountMax)}"#).object)
        #expect(try CompletionRequest(body, vocabularyCount: 9).common.beams == BeamFields())
        let idle = try #require(
            JSONValue.parse(
                #"{"prompt":"x","use_beam_search":true,"stop":[],"presence_penalty":0,"repeat_penalty":1.0,"#
                    + #""echo":false,"stream":false}"#
            ).object)
        #expect(try CompletionRequest(idle, vocabularyCount: 9).common.beams == BeamFields())
        #expect(BeamSearch.candidateCount(width: APILimits.beamCountMax) <= APILimits.topLogprobsMax)
    }
}
