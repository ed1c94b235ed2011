import Glibc
import ModelFiles
import Models
import TestSupport
import Testing

@testable import Engine

/// Log-probabilities of prompts, and how far they were read.
@Suite struct PromptReportTests {
    private func expected(_ prompt: [TokenID], _ alternatives: Int, _ shape: FakeModel.Shape) -> [PromptToken]
    {
        (1..<max(1, prompt.count)).map { place in
            let row = FakeModel.logits(after: Array(prompt[..<place]), shape)
            let maximum = Double(row.max() ?? 0)
            let logTotal = maximum + log(row.reduce(0.0) { $0 + exp(Double($1) - maximum) })
            func logprob(_ token: Int) -> Float { Float(Double(row[token]) - logTotal) }
            let own = Int(prompt[place])
            return PromptToken(
                token: prompt[place], logprob: logprob(own), rank: 1 + row.count { $0 > row[own] },
                alternatives: ReferenceSampler.ranked(row).prefix(alternatives).map {
                    TokenLogprob(token: TokenID($0), logprob: logprob($0))
                })
        }
    }

    private func expectSame(_ found: [PromptToken], _ expected: [PromptToken]) {
        #expect(found.map(\.token) == expected.map(\.token) && found.map(\.rank) == expected.map(\.rank))
        for (a, b) in zip(found, expected) {
            #expect(abs(a.logprob - b.logprob) < 1e-5)
            #expect(a.alternatives.map(\.token) == b.alternatives.map(\.token))
            #expect(zip(a.alternatives, b.alternatives).allSatisfy { abs($0.logprob - $1.logprob) < 1e-5 })
        }
    }

    /// In one step and in many, with a warm cache too, beside others, and for several choices once.
    @Test(arguments: [1, 2, 33, 200]) func everyTokenOfThePromptIsReportedOnce(count: Int) async throws {
        let shape = FakeModel.Shape()
        let engine = try makeEngine(shape)
        var request = GenerationRequest(prompt: prompt(3, count: count), tokensMax: 5)
        request.sampling.seed = 1
        request.promptAlternatives = 2
        request.choiceCount = 3
        let expected = expected(request.prompt, 2, shape)
        for round in 0..<3 {
            // Others that read the same tokens.
            let others = try (0..<round).map { _ in
                try engine.collect(GenerationRequest(prompt: request.prompt, tokensMax: 3)).collector
            }
            let outcome = try await engine.collect(request).collector.finished()
            expectSame(outcome.prompt, expected)
            for choice in 0..<3 {
                #expect(
                    outcome.choices[choice] == (try expectedChoice(request, choice: choice, shape: shape)))
            }
            #expect(outcome.cachedTokens == 0 && outcome.late.isEmpty)
            for other in others { _ = await other.finished() }
        }
        #expect(engine.status.blocksFree == engine.status.blockCount)
    }

    @Test func scoringAloneDrawsNothing() async throws {
        let shape = FakeModel.Shape()
        var request = GenerationRequest(prompt: prompt(4, count: 40), tokensMax: 0)
        request.promptAlternatives = 0
        let engine = try makeEngine(shape)
        let outcome = try await engine.collect(request).collector.finished()
        expectSame(outcome.prompt, expected(request.prompt, 0, shape))
        #expect(outcome.choices[0]?.tokens == [] && outcome.choices[0]?.reason == .length)
    }

    /// Pauses in the middle of a prompt begin it again, but report nothing twice.
    @Test func pausedPromptsAreReportedOnce() async throws {
        let shape = FakeModel.Shape(blockCount: 12)
        let control = FakeModelControl(stepsAllowed: 0)
        let engine = try makeEngine(shape, control: control)
        let requests = (0..<4).map { number in
            var request = GenerationRequest(prompt: prompt(number, count: 90 + number), tokensMax: 120)
            request.sampling.seed = 2
            request.promptAlternatives = 1
            return request
        }
        let collectors = try requests.map { try engine.collect($0).collector }
        control.allow(steps: .max)
        for (request, collector) in zip(requests, collectors) {
            let outcome = await collector.finished()
            expectSame(outcome.prompt, expected(request.prompt, 1, shape))
            #expect(outcome.choices[0] == (try expectedChoice(request, shape: shape)))
        }
        #expect(engine.status.pauses > 0)
    }

    @Test func logitsOfAPromptAreBoundedInEachStep() async throws {
        let control = FakeModelControl()
        let engine = try makeEngine(control: control)
        var request = GenerationRequest(prompt: prompt(1, count: 300), tokensMax: 1)
        request.promptAlternatives = 0
        _ = try await engine.collect(request).collector.finished()
        #expect((control.columns.max() ?? 0) <= SchedulerLimits.promptOutputsMax)
    }

    /// Bits of a real forward do not depend on what else is asked of it.
    @Test func reportedPromptsAreThoseOfAnswers() async throws {
        let directory = try TemporaryDirectory()
        let path = try TinyModel.llama.write(to: directory.file("tiny.gguf"))
        let engine = try Engine {
            try TransformerModel.load(
                file: GGUFFile(path: path), options: ModelOptions(threads: 2, contextLength: 256))
        }
        var request = GenerationRequest(prompt: [5, 6], tokensMax: 60)
        request.sampling.seed = 3
        request.wantsLogprobs = true
        request.alternativeCount = 2
        let answer = try #require(try await engine.collect(request).collector.finished().choices[0])
        var scoring = GenerationRequest(prompt: request.prompt + answer.tokens, tokensMax: 0)
        scoring.promptAlternatives = 2
        let scored = try await engine.collect(scoring).collector.finished().prompt
        #expect(scored.dropFirst().map(\.logprob) == answer.logprobs.compactMap { $0 })
        #expect(scored.dropFirst().map(\.alternatives) == answer.alternatives)
    }

    @Test func progressBeginsWithTheCacheAndEndsWithThePrompt() async throws {
        let engine = try makeEngine()
        var request = GenerationRequest(prompt: prompt(2, count: 250), tokensMax: 2)
        request.wantsProgress = true
        for _ in 0..<2 {
            let outcome = try await engine.collect(request).collector.finished()
            let (processed, cached) = (outcome.progress.map { $0[0] }, Set(outcome.progress.map { $0[1] }))
            #expect(processed.first == outcome.cachedTokens && cached == [outcome.cachedTokens ?? -1])
            #expect(processed == processed.sorted() && processed.last == 250)
        }
        request.wantsProgress = false
        #expect(try await engine.collect(request).collector.finished().progress.isEmpty)
    }
}
