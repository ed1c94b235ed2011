import ModelFiles
import Models
import Testing

@testable import Engine

/// Steps that take longer than they should leave prompts to the next one, and nobody can tell from the answers.
@Suite struct LateStepTests {
    @Test(arguments: [nil, 40]) func promptsAreReadThoughEveryStepIsLate(window: Int?) async throws {
        var shape = FakeModel.Shape()
        shape.window = window
        shape.blockCount = 300
        let control = FakeModelControl(isLate: true)
        var configuration = EngineConfiguration()
        configuration.interTokenBudget = .milliseconds(1)
        let engine = try makeEngine(shape, control: control, configuration: configuration)
        var steady = GenerationRequest(prompt: prompt(1, count: 3), tokensMax: 400)
        steady.sampling.seed = 1
        let writer = try engine.collect(steady).collector
        #expect(await eventually { writer.now.choices[0]?.tokens.count ?? 0 > 5 })

        var choices = GenerationRequest(prompt: prompt(2, count: 200), tokensMax: 9)
        choices.choiceCount = 3
        choices.sampling.seed = 2
        choices.wantsProgress = true
        var reported = GenerationRequest(prompt: prompt(3, count: 60), tokensMax: 4)
        reported.promptAlternatives = 1
        reported.sampling.seed = 3
        var embedded = GenerationRequest(prompt: prompt(4, count: 90), tokensMax: 0)
        embedded.pooling = .mean
        let running = try [choices, reported, embedded].map { try engine.collect($0).collector }
        var outcomes: [Collector.Outcome] = []
        for collector in running { outcomes.append(await collector.finished()) }
        let late = engine.status.lateSteps
        #expect(late > 0 && writer.now.ended == 0, "\(late) of \(engine.status.steps) steps were late")
        #expect(outcomes.allSatisfy { $0.ended == 1 && $0.late.isEmpty && $0.admitted == 1 })

        for choice in 0..<3 {
            let expected = try expectedChoice(choices, choice: choice, shape: shape)
            #expect(outcomes[0].choices[choice] == expected)
        }
        #expect(outcomes[0].cachedTokens == 0 && outcomes[0].progress.allSatisfy { $0[1] == 0 })
        let processed = outcomes[0].progress.map { $0[0] }
        #expect(processed == Array(Set(processed)).sorted())
        #expect(processed.first == 0 && processed.last == 200)
        #expect(outcomes[1].prompt.map(\.token) == Array(reported.prompt.dropFirst()))
        #expect(outcomes[1].choices[0]?.tokens == (try expectedChoice(reported, shape: shape)).tokens)
        #expect(outcomes[2].embedding == FakeModel.embedding(of: embedded.prompt, .mean, shape))
        #expect(await writer.finished().choices[0] == (try expectedChoice(steady, shape: shape)))
        #expect(await eventually { engine.status.memoryFreeBytes == engine.status.memoryBytes })
    }
}
