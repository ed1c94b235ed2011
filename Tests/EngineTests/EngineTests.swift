import Glibc
import ModelFiles
import Synchronization
import Testing

@testable import Engine

@Suite struct EngineTests {
    @Test func theEnginesThreadIsNicerThanItsProcess() throws {
        let which = __priority_which_t(PRIO_PROCESS.rawValue)
        let own = getpriority(which, 0)
        let found = Mutex(Int32.min)
        _ = try Engine {
            found.withLock { $0 = getpriority(which, 0) }
            return FakeModel(.init(), control: nil)
        }
        #expect(found.withLock { $0 } == min(own + 5, 19))
    }

    @Test func anAnswerIsWhatTheModelsRowsSay() async throws {
        let engine = try makeEngine()
        var request = GenerationRequest(prompt: prompt(1, count: 30), tokensMax: 70)
        request.sampling.temperature = 0
        request.wantsLogprobs = true
        request.alternativeCount = 3
        let outcome = try await engine.collect(request).collector.finished()
        #expect(outcome.choices == [0: try expectedChoice(request)])
        #expect(outcome.admitted == 1 && outcome.ended == 1 && outcome.late.isEmpty)
        // One call for the admission and the first token, one for each further token.
        #expect(outcome.calls == 70)
        #expect(engine.status.blocksFree == engine.status.blockCount)
        #expect(engine.status.promptTokens == 30 && engine.status.generatedTokens == 70)
        #expect(engine.status.steps == 70)
    }

    @Test func whatAStepGaveIsHandedOutInOneRound() async throws {
        let control = FakeModelControl(stepsAllowed: 0)
        let round = Atomic(0)
        let rounds = Mutex<[[Int]]>([])
        let handOut: DeliveryRound = { deliver in
            rounds.withLock { $0.append([]) }
            deliver()
            round.wrappingAdd(1, ordering: .relaxed)
        }
        let engine = try Engine(round: handOut) { FakeModel(.init(), control: control) }
        let ended = Atomic(0)
        let generations = try (0..<8).map { number in
            try engine.submit(GenerationRequest(prompt: prompt(number, count: 5), tokensMax: 6)) { events in
                rounds.withLock { $0[$0.count - 1].append(number) }
                if case .ended = events.last { ended.wrappingAdd(1, ordering: .relaxed) }
            }
        }
        control.allow(steps: .max)
        #expect(await eventually { ended.load(ordering: .relaxed) == generations.count })
        #expect(await eventually { round.load(ordering: .relaxed) == rounds.withLock { $0.count } })
        let found = rounds.withLock { $0 }
        // Nobody is told twice in a round, and there is none for nobody.
        #expect(found.allSatisfy { !$0.isEmpty && Set($0).count == $0.count })
        #expect(found.contains { $0.count == generations.count })
    }

    @Test(arguments: [nil, 40, 1]) func thirtyTwoRequestsAtOnceAnswerAsEachAlone(window: Int?) async throws {
        var shape = FakeModel.Shape()
        shape.window = window
        shape.blockCount = window == nil ? 150 : 80  // less than all need at once
        let control = FakeModelControl(stepsAllowed: 0)
        let engine = try makeEngine(shape, control: control)
        var running: [(request: GenerationRequest, collector: Collector)] = []
        for number in 0..<32 {
            var request = GenerationRequest(
                prompt: prompt(number, count: 1 + number * 37 % 230), tokensMax: 1 + number * 13 % 90)
            request.choiceCount = number % 5 == 0 ? 3 : 1
            request.sampling.temperature = number % 3 == 0 ? 0 : 0.8
            request.sampling.topK = number % 4 * 10
            request.sampling.topP = number % 2 == 0 ? 0.9 : 1
            request.sampling.seed = UInt64(number)
            request.wantsLogprobs = true
            running.append((request, try engine.collect(request).collector))
        }
        control.allow(steps: .max)
        for (request, collector) in running {
            let outcome = await collector.finished()
            #expect(outcome.choices.count == request.choiceCount)
            for choice in 0..<request.choiceCount {
                #expect(
                    outcome.choices[choice] == (try expectedChoice(request, choice: choice, shape: shape)))
            }
            #expect(outcome.late.isEmpty && outcome.ended == 1)
        }
        #expect(await eventually { engine.status.memoryFreeBytes == shape.blockCount * 1024 })
        #expect(engine.status.blocksFree == engine.status.blockCount)
        #expect(engine.status.windowBlocksFree == engine.status.windowBlockCount)
        #expect(engine.status.sequencesRunning == 0 && engine.status.requestsWaiting == 0)
        #expect(control.columns.allSatisfy { $0 <= shape.columnsMax })
    }

    @Test func aLongPromptGetsSmallChunksWhileOthersDecode() async throws {
        let control = FakeModelControl(stepsAllowed: 0)
        var configuration = EngineConfiguration()
        configuration.chunkColumnsMax = 40
        configuration.interTokenBudget = .seconds(60)
        let engine = try makeEngine(control: control, configuration: configuration)
        let short = try engine.collect(GenerationRequest(prompt: prompt(1, count: 3), tokensMax: 20))
            .collector
        #expect(await eventually { control.stepsBegun == 1 })
        let long = try engine.collect(GenerationRequest(prompt: prompt(2, count: 300), tokensMax: 1))
            .collector
        control.allow(steps: .max)
        _ = await short.finished()
        _ = await long.finished()
        // A small one before the speed is known, then what the configuration allows; one column is the short one's.
        #expect(Array(control.columns.prefix(7)) == [3, 33, 41, 41, 41, 41, 41])
    }

    @Test func choicesOfOnePromptReadItOnceAndDiffer() async throws {
        for promptCount in [31, 32, 33, 100] {
            let engine = try makeEngine()
            var request = GenerationRequest(prompt: prompt(4, count: promptCount), tokensMax: 40)
            request.choiceCount = 4
            request.sampling.seed = 11
            let outcome = try await engine.collect(request).collector.finished()
            for choice in 0..<4 {
                #expect(outcome.choices[choice] == (try expectedChoice(request, choice: choice)))
            }
            #expect(Set(outcome.choices.values.map(\.tokens)).count == 4)
            #expect(engine.status.promptTokens == promptCount)
            #expect(engine.status.blocksFree == engine.status.blockCount)
        }
    }

    @Test func withoutASeedAnswersDiffer() async throws {
        let engine = try makeEngine()
        let request = GenerationRequest(prompt: prompt(4, count: 5), tokensMax: 30)
        let one = try await engine.collect(request).collector.finished()
        let two = try await engine.collect(request).collector.finished()
        #expect(one.choices[0]?.tokens != two.choices[0]?.tokens)
    }

    @Test func aStopTokenEndsAChoiceWithoutBeingReported() async throws {
        let engine = try makeEngine()
        var request = GenerationRequest(prompt: prompt(5, count: 9), tokensMax: 60)
        request.sampling.temperature = 0
        let whole = try expectedChoice(request).tokens
        request.stopTokens = [whole[12]]
        let end = try #require(whole.firstIndex(of: whole[12]))
        let outcome = try await engine.collect(request).collector.finished()
        #expect(outcome.choices[0]?.tokens == Array(whole[..<end]))
        #expect(outcome.choices[0]?.reason == .stopToken(whole[12]))
    }

    @Test func bannedTokensAreNeverDrawn() async throws {
        let engine = try makeEngine()
        var request = GenerationRequest(prompt: prompt(5, count: 9), tokensMax: 60)
        request.bannedTokens = Set((0..<90).map { TokenID($0) } + [-5, 5000])
        let outcome = try await engine.collect(request).collector.finished()
        #expect(outcome.choices[0]?.tokens.count == 60)
        #expect(outcome.choices[0]?.tokens.allSatisfy { $0 >= 90 } == true)
    }

    @Test func withEveryTokenBannedTheChoiceFails() async throws {
        let engine = try makeEngine()
        var request = GenerationRequest(prompt: prompt(5, count: 9), tokensMax: 60)
        request.bannedTokens = Set((0..<97).map { TokenID($0) })
        let outcome = try await engine.collect(request).collector.finished()
        #expect(outcome.choices[0]?.reason == .failed("no token of the vocabulary may be drawn"))
    }

    @Test func zeroTokensOnlyReadThePrompt() async throws {
        let engine = try makeEngine()
        var request = GenerationRequest(prompt: prompt(5, count: 200), tokensMax: 0)
        request.choiceCount = 2
        let outcome = try await engine.collect(request).collector.finished()
        #expect(outcome.choices == [0: .init(reason: .length), 1: .init(reason: .length)])
        #expect(engine.status.promptTokens == 200 && engine.status.generatedTokens == 0)
        #expect(outcome.timings.prefill > 0)
    }

    @Test func anAnswerEndsWithTheContext() async throws {
        let engine = try makeEngine()
        let request = GenerationRequest(prompt: prompt(6, count: 500), tokensMax: .max)
        let outcome = try await engine.collect(request).collector.finished()
        #expect(outcome.choices[0]?.tokens.count == 12)
        #expect(outcome.choices[0]?.reason == .length)
    }

    @Test func logitsThatAreNotNumbersFailTheChoice() async throws {
        let engine = try makeEngine(control: FakeModelControl(breaksLogits: true))
        var request = GenerationRequest(prompt: prompt(7, count: 5), tokensMax: 5)
        request.choiceCount = 2
        let outcome = try await engine.collect(request).collector.finished()
        #expect(outcome.choices[1]?.reason == .failed("the model's logits are not numbers"))
        #expect(engine.status.blocksFree == engine.status.blockCount)
    }
}
