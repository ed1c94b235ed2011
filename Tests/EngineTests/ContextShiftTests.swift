import ModelFiles
import Models
import Testing

@testable import Engine

@Suite struct ContextShiftTests {
    @Test func theFirstTokensAndTheNewerHalfStay() {
        #expect(ContextShift(of: 8).kept == 2)
        for count in 2...600 {
            let shift = ContextShift(of: count)
            #expect(shift.dropped >= 1 && shift.kept + shift.dropped <= count - 1)
            #expect(shift.kept <= KVGeometry.blockTokens)
        }
    }

    /// What an answer has to be: at the context's end the tokens go on from what stays.
    private func expected(
        _ request: GenerationRequest, choice: Int, _ shape: FakeModel.Shape
    ) throws -> (tokens: [TokenID], dropped: Int) {
        let sampler = Sampler(vocabularyCount: shape.vocabularyCount)
        let random = CounterRandom(seed: request.sampling.seed ?? 0, choice: choice)
        var state = SamplerState()
        var (context, answer, dropped) = (request.prompt, [TokenID](), 0)
        while answer.count < request.tokensMax {
            let drawn = try sampler.sample(
                FakeModel.logits(after: context, shape), for: request, after: request.prompt + answer,
                chances: random.chances(position: answer.count), state: &state)
            answer.append(drawn.token)
            context.append(drawn.token)
            if context.count == shape.contextLength, answer.count < request.tokensMax {
                let shift = ContextShift(of: context.count)
                context.removeSubrange(shift.kept..<shift.kept + shift.dropped)
                dropped += shift.dropped
            }
        }
        return (answer, dropped)
    }

    /// Alone and among others, with drafts, in memory for some of them, with layers that have a window.
    @Test(arguments: [1, 5], [nil, 20]) func answersGoOnPastTheContext(count: Int, window: Int?) async throws
    {
        var shape = FakeModel.Shape(vocabularyCount: 40, contextLength: 96, blockCount: count == 1 ? 64 : 9)
        shape.window = window
        let control = FakeModelControl(stepsAllowed: 0)
        let engine = try makeEngine(shape, control: control)
        let requests = (0..<count).map { number in
            var request = GenerationRequest(
                prompt: prompt(number, count: [5, 40, 95, 32, 64][number], vocabularyCount: 40),
                tokensMax: 300)
            request.shiftsContext = true
            request.sampling.seed = UInt64(number)
            request.sampling.frequencyPenalty = 0.01
            request.choiceCount = number == 3 ? 2 : 1
            return request
        }
        let collectors = try requests.map { try engine.collect($0).collector }
        control.allow(steps: .max)
        for (request, collector) in zip(requests, collectors) {
            let outcome = await collector.finished()
            var dropped = 0
            for choice in 0..<request.choiceCount {
                let expected = try expected(request, choice: choice, shape)
                #expect(outcome.choices[choice]?.tokens == expected.tokens)
                #expect(outcome.choices[choice]?.reason == .length)
                dropped += expected.dropped
            }
            #expect(outcome.dropped == dropped && dropped > 0 && outcome.late.isEmpty)
        }
        #expect(engine.status.blocksFree == engine.status.blockCount)
    }

    @Test func draftsStopAtTheContextsEnd() async throws {
        let shape = FakeModel.Shape(vocabularyCount: 40, contextLength: 64, memory: 2)
        let engine = try makeEngine(shape)
        var request = GenerationRequest(prompt: [1], tokensMax: 400)
        request.shiftsContext = true
        request.sampling.temperature = 0
        let outcome = try await engine.collect(request).collector.finished()
        #expect(outcome.choices[0]?.tokens == (try expected(request, choice: 0, shape)).tokens)
        #expect(outcome.accepted > 0)
    }

    @Test func withoutItTheContextEndsTheAnswer() async throws {
        let shape = FakeModel.Shape(contextLength: 64)
        let engine = try makeEngine(shape)
        let outcome = try await engine.collect(GenerationRequest(prompt: [1, 2], tokensMax: 400)).collector
            .finished()
        #expect(outcome.choices[0]?.tokens.count == 62 && outcome.dropped == 0)
    }

    @Test func aPromptThatIsTooLongIsStillRefused() throws {
        let engine = try makeEngine(FakeModel.Shape(contextLength: 64))
        var request = GenerationRequest(prompt: prompt(1, count: 64), tokensMax: 4)
        request.shiftsContext = true
        #expect(throws: AdmissionError.contextExceeded(prompt: 64, context: 64)) {
            try engine.submit(request) { _ in }
        }
    }
}
