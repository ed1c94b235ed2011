import ModelFiles
import Testing

@testable import Engine

@Suite struct CancellationTests {
    @Test func aRequestIsCancelledInTheQueue() async throws {
        let control = FakeModelControl(stepsAllowed: 0)
        var configuration = EngineConfiguration()
        configuration.sequencesMax = 1
        let engine = try makeEngine(control: control, configuration: configuration)
        let first = try engine.collect(GenerationRequest(prompt: prompt(1, count: 5), tokensMax: 5))
        #expect(await eventually { control.stepsBegun == 1 })
        let second = try engine.collect(GenerationRequest(prompt: prompt(2, count: 5), tokensMax: 5))
        second.generation.cancel()
        second.generation.cancel()
        control.allow(steps: 1)
        let outcome = await second.collector.finished()
        #expect(outcome.admitted == 0)
        #expect(outcome.choices == [0: .init(reason: .cancelled)])
        #expect(await eventually { engine.status.requestsWaiting == 0 })
        control.allow(steps: .max)
        #expect(await first.collector.finished().choices[0]?.tokens.count == 5)
    }

    @Test func aRequestIsCancelledWhileItsPromptIsRead() async throws {
        let control = FakeModelControl(stepsAllowed: 1)
        let engine = try makeEngine(control: control)
        let request = GenerationRequest(prompt: prompt(1, count: 400), tokensMax: 5)
        let cancelled = try engine.collect(request)
        #expect(await eventually { control.stepsBegun == 2 })
        cancelled.generation.cancel()
        control.allow(steps: 1)
        let outcome = await cancelled.collector.finished()
        #expect(outcome.choices == [0: .init(reason: .cancelled)])
        #expect(engine.status.steps == 2 && engine.status.blocksFree == engine.status.blockCount)
        #expect(outcome.timings.prefill > 0 && outcome.timings.decode == 0)
    }

    @Test func aRequestIsCancelledWithinOneStepOfItsAnswer() async throws {
        let control = FakeModelControl(stepsAllowed: 3)
        let engine = try makeEngine(control: control)
        var request = GenerationRequest(prompt: prompt(1, count: 31), tokensMax: 100)
        request.choiceCount = 2
        let cancelled = try engine.collect(request)
        #expect(await eventually { control.stepsBegun == 4 })
        cancelled.generation.cancel()
        control.allow(steps: 1)
        let outcome = await cancelled.collector.finished()
        #expect(outcome.choices[0]?.tokens.count == 4 && outcome.choices[0]?.reason == .cancelled)
        #expect(outcome.choices[1]?.tokens.count == 4 && outcome.choices[1]?.reason == .cancelled)
        #expect(outcome.late.isEmpty && outcome.ended == 1)
        #expect(engine.status.blocksFree == engine.status.blockCount)
        #expect(engine.status.sequencesRunning == 0)
    }

    @Test func oneChoiceIsCancelledAndTheOthersGoOn() async throws {
        let control = FakeModelControl(stepsAllowed: 3)
        let engine = try makeEngine(control: control)
        var request = GenerationRequest(prompt: prompt(1, count: 33), tokensMax: 50)
        request.choiceCount = 3
        request.sampling.seed = 5
        let running = try engine.collect(request)
        #expect(await eventually { control.stepsBegun == 4 })
        running.generation.cancel(choice: 0)
        running.generation.cancel(choice: 7)
        control.allow(steps: .max)
        let outcome = await running.collector.finished()
        #expect(outcome.choices[0]?.reason == .cancelled)
        #expect(outcome.choices[1] == (try expectedChoice(request, choice: 1)))
        #expect(outcome.choices[2] == (try expectedChoice(request, choice: 2)))
        running.generation.cancel()
    }

    @Test func theFirstChoiceIsCancelledInThePromptAndTheOthersGoOn() async throws {
        let control = FakeModelControl(stepsAllowed: 1)
        let engine = try makeEngine(control: control)
        var request = GenerationRequest(prompt: prompt(1, count: 300), tokensMax: 50)
        request.choiceCount = 3
        request.sampling.seed = 5
        let running = try engine.collect(request)
        #expect(await eventually { control.stepsBegun == 2 })
        running.generation.cancel(choice: 0)
        control.allow(steps: .max)
        let outcome = await running.collector.finished()
        #expect(outcome.choices[0] == .init(reason: .cancelled))
        #expect(outcome.choices[1] == (try expectedChoice(request, choice: 1)))
        #expect(outcome.choices[2] == (try expectedChoice(request, choice: 2)))
        #expect(engine.status.promptTokens == 300 && engine.status.blocksFree == engine.status.blockCount)
    }

    @Test func randomCancelsLeakNothingAndChangeNoOtherAnswer() async throws {
        let engine = try makeEngine()
        var random = TestRandom(seed: 77)
        for _ in 0..<6 {
            var running: [(request: GenerationRequest, generation: any Generation, collector: Collector)] = []
            for number in 0..<24 {
                var request = GenerationRequest(
                    prompt: prompt(number, count: 1 + random.below(200)), tokensMax: 1 + random.below(60))
                request.choiceCount = 1 + random.below(3)
                request.sampling.seed = UInt64(number)
                let (generation, collector) = try engine.collect(request)
                running.append((request, generation, collector))
            }
            for (number, entry) in running.enumerated() where number % 2 == 1 {
                pause(milliseconds: random.below(3))
                entry.generation.cancel()
            }
            for (number, entry) in running.enumerated() {
                let outcome = await entry.collector.finished()
                #expect(outcome.ended == 1 && outcome.late.isEmpty)
                guard number % 2 == 0 else { continue }
                for choice in 0..<entry.request.choiceCount {
                    #expect(outcome.choices[choice] == (try expectedChoice(entry.request, choice: choice)))
                }
            }
            #expect(await eventually { engine.status.blocksFree == engine.status.blockCount })
            #expect(engine.status.requestsWaiting == 0 && engine.status.sequencesRunning == 0)
        }
    }
}
