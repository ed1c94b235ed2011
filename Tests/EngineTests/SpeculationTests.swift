import Compute
import ModelFiles
import Models
import TestSupport
import Testing

@testable import Engine

@Suite struct SpeculationTests {
    // MARK: - Answers

    /// With a window of the sliding layers too: what a rejected draft would have seen is still needed.
    @Test(arguments: [1, 3, 6], [nil, 2])
    func answersAreTheSameWithAndWithoutDrafts(requestCount: Int, window: Int?) async throws {
        // A model that remembers two tokens soon says the same again.
        let shape = FakeModel.Shape(vocabularyCount: 40, memory: 2, window: window)
        let requests = (0..<requestCount).map { number in
            var request = GenerationRequest(
                prompt: prompt(number, count: 5 + 29 * number, vocabularyCount: 40), tokensMax: 150 + number)
            request.sampling.temperature = number == 2 ? 0.05 : 0
            request.sampling.seed = UInt64(number)
            request.sampling.frequencyPenalty = number == 1 ? 0.01 : 0
            request.wantsLogprobs = true
            request.alternativeCount = 2
            if number == 4 { request.choiceCount = 2 }
            return request
        }
        let control = FakeModelControl(stepsAllowed: 0)
        let engine = try makeEngine(shape, control: control)
        let collectors = try requests.map { try engine.collect($0).collector }
        control.allow(steps: .max)
        var (drafted, accepted) = (0, 0)
        for (request, collector) in zip(requests, collectors) {
            let outcome = await collector.finished()
            for choice in 0..<request.choiceCount {
                #expect(
                    outcome.choices[choice] == (try expectedChoice(request, choice: choice, shape: shape)))
            }
            #expect(outcome.late.isEmpty)
            drafted += outcome.drafted
            accepted += outcome.accepted
        }
        let status = engine.status
        #expect(status.draftedTokens == drafted && status.acceptedTokens == accepted)
        #expect(accepted > 0 && accepted <= drafted)
        #expect(status.blocksFree == status.blockCount)
        if requestCount == 1 { #expect(status.steps + accepted == status.generatedTokens) }
    }

    @Test func nothingIsDraftedWhenItIsSwitchedOff() async throws {
        let shape = FakeModel.Shape(vocabularyCount: 40, memory: 2)
        var configuration = EngineConfiguration()
        configuration.speculation = .off
        let engine = try makeEngine(shape, configuration: configuration)
        var request = GenerationRequest(prompt: [1], tokensMax: 200)
        request.sampling.temperature = 0
        let outcome = try await engine.collect(request).collector.finished()
        #expect(outcome.choices[0] == (try expectedChoice(request, shape: shape)))
        #expect(engine.status.draftedTokens == 0 && engine.status.steps == 200)
    }

    @Test func aStopTokenAmongDraftsEndsTheAnswer() async throws {
        let shape = FakeModel.Shape(vocabularyCount: 40, memory: 2)
        var request = GenerationRequest(prompt: [1], tokensMax: 300)
        request.sampling.temperature = 0.05
        request.sampling.seed = 3
        let whole = try expectedChoice(request, shape: shape).tokens
        // A token that comes late for the first time.
        let late = try #require(
            whole.indices.dropFirst(60).first { !whole[..<$0].contains(whole[$0]) } ?? whole.indices.last)
        request.stopTokens = [whole[late]]
        let engine = try makeEngine(shape)
        let outcome = try await engine.collect(request).collector.finished()
        #expect(outcome.choices[0] == (try expectedChoice(request, shape: shape)))
        #expect(engine.status.acceptedTokens > 0)
    }

    @Test func aTinyModelGivesTheSameBitsForDrafts() async throws {
        let directory = try TemporaryDirectory()
        let path = try TinyModel.llama.write(to: directory.file("tiny.gguf"))
        let passage: [TokenID] = [5, 9, 7, 40, 41]
        // Bias makes the text repeat itself.
        try await expectSameBits(path, Array(repeating: passage, count: 6).flatMap { $0 }, bias: 6)
    }

    @Test(.enabled(if: RealModel.path != nil, "no model: scripts/fetch-model"))
    func theDefaultModelGivesTheSameBitsForDrafts() async throws {
        let passage = (0..<40).map { TokenID(500 + $0 * 331 % 9_000) }
        try await expectSameBits(try #require(RealModel.path), passage + passage + passage, bias: 0)
    }

    private func expectSameBits(_ path: String, _ prompt: [TokenID], bias: Float) async throws {
        var choices: [[Collector.Choice?]] = []
        for speculation in Speculation.allCases {
            var configuration = EngineConfiguration()
            configuration.speculation = speculation
            let engine = try Engine(configuration: configuration) {
                let model = try TransformerModel.load(
                    file: GGUFFile(path: path), options: ModelOptions(threads: 2, contextLength: 256))
                model.adoptThread()
                return model
            }
            var found: [Collector.Choice?] = []
            for temperature in [0, 0.3] as [Float] {
                var request = GenerationRequest(prompt: prompt, tokensMax: 80)
                request.sampling.temperature = temperature
                request.sampling.seed = 1
                if bias > 0 { for token in prompt { request.sampling.logitBias[token] = bias } }
                request.wantsLogprobs = true
                request.alternativeCount = 3
                found.append(try await engine.collect(request).collector.finished().choices[0])
            }
            #expect((engine.status.acceptedTokens > 0) == (speculation == .ngram))
            choices.append(found)
        }
        #expect(choices[0] == choices[1])
    }

    // MARK: - Parts

    @Test func theIndexFindsTheLatestPlaceOfTheLastTokens() {
        var random = TestRandom(seed: 7)
        var tokens: [TokenID] = []
        var index = NgramIndex()
        var found = 0
        var missed = 0
        for _ in 0..<3000 {
            tokens.append(TokenID(random.below(6)))
            let match = index.match(tokens)
            let tail = tokens.suffix(3)
            let expected =
                tokens.count < 4 ? nil : (3..<tokens.count).last { tokens[$0 - 3..<$0] == tail[...] }
            guard let match else {
                missed += expected == nil ? 0 : 1
                continue
            }
            found += 1
            #expect(match.next == expected)
            let length = match.length
            #expect(tokens[match.next - length..<match.next] == tokens.suffix(length))
        }
        // Another run may have taken the place.
        #expect(found > 2500 && missed < 200)
    }

    @Test func aGuessGoesOnWithTextThatRepeatsItself() {
        var drafter = Drafter()
        let tokens: [TokenID] = [9, 1, 2, 3, 1, 2, 3, 1, 2]
        #expect(drafter.guess(tokens) != nil)
        #expect(drafter.draft(7, of: tokens) == [3, 1, 2, 3, 1, 2, 3])
        let other = tokens + [7]
        #expect(drafter.guess(other) == nil)
        #expect(drafter.draft(3, of: other).isEmpty)
    }

    @Test func acceptanceFollowsWhatWasRightWhetherDraftedOrNot() {
        var drafter = Drafter()
        var tokens: [TokenID] = [1, 2, 3, 4]
        var acceptance = 0.0
        for _ in 0..<60 {
            tokens += tokens[tokens.count - 4..<tokens.count - 3]
            acceptance = drafter.guess(tokens) ?? 0
        }
        #expect(acceptance > 0.95)
        var random = TestRandom(seed: 1)
        var other = Drafter()
        tokens = []
        for _ in 0..<4000 {
            tokens.append(TokenID(random.below(10)))
            _ = other.guess(tokens)
        }
        let rightByChance = (0..<100).compactMap { _ in
            tokens.append(TokenID(random.below(10)))
            return other.guess(tokens)
        }
        #expect(!rightByChance.isEmpty && rightByChance.allSatisfy { $0 < 0.6 })
    }

    @Test func costsAreThoseMeasuredOrBetweenThem() {
        var costs = ColumnCosts()
        #expect(costs.seconds(3) == 1.5)
        for _ in 0..<50 {
            costs.observe(columns: 1, seconds: 2)
            costs.observe(columns: 5, seconds: 4)
        }
        #expect(costs.seconds(1) == 2 && costs.seconds(5) == 4 && costs.seconds(3) == 3)
        #expect(costs.seconds(10) == 4 * 1.25)
        // One slow step says little, some say much, but not for ever.
        costs.observe(columns: 8, seconds: 100)
        #expect(costs.seconds(8) < 5)
        for _ in 0..<3 { costs.observe(columns: 8, seconds: 100) }
        #expect(costs.seconds(8) == 100)
        costs.observe(columns: 8, seconds: 10)
        #expect(costs.seconds(8) == 55)
        for _ in 0..<300 { costs.observe(columns: 1, seconds: 2) }
        #expect(costs.seconds(8) < 10)
    }

    @Test func draftsAreAsLongAsTheyPay() throws {
        // Text that repeats itself, and steps whose columns cost so much of the first.
        for (cost, isWorthIt) in [(0.1, true), (0.3, true), (1.1, false)] {
            var speculator = Speculator()
            let sequence = repeating()
            for columns in 1...8 {
                for _ in 0..<20 {
                    speculator.observe(plan(sequence, columns), seconds: 1 + cost * Double(columns - 1))
                }
            }
            var plan = plan(sequence, 1)
            speculator.extend(&plan) { count, _ in count }
            #expect((plan.slices[0].drafts.count > 0) == isWorthIt)
            #expect(plan.slices[0].count == 1 + plan.slices[0].drafts.count)
            #expect(plan.work.columns == plan.slices[0].count)
            let next = try #require([1: 2, 2: 3, 3: 1][sequence.tokens.last ?? 0])
            if isWorthIt { #expect(plan.slices[0].drafts.first == TokenID(next)) }
        }
    }

    @Test func wideStepsPromptsAndFullMemoryGetNoDrafts() {
        var speculator = Speculator()
        var wide = StepPlan()
        for _ in 0..<Speculator.sequencesMax + 1 { add(repeating(), 1, to: &wide) }
        var reading = plan(repeating(), 1)
        reading.prefillColumnCount = 1
        var full = plan(repeating(), 1)
        let last = plan(repeating(answerMax: 61), 1)
        for var plan in [wide, reading, last] {
            speculator.extend(&plan) { count, _ in count }
            #expect(plan.slices.allSatisfy { $0.drafts.isEmpty })
        }
        speculator.extend(&full) { _, _ in 0 }
        #expect(full.slices[0].drafts.isEmpty && full.work.columns == 1)
    }

    /// A decoding sequence whose answer has 60 tokens that repeat three.
    private func repeating(answerMax: Int = 100) -> Sequence {
        let size = RequestSize(promptCount: 3, answerMax: answerMax, choiceCount: 1)
        let request = GenerationRequest(prompt: [1, 2, 3], tokensMax: answerMax)
        let sequence = SequenceGroup(id: 1, request: request, size: size, arrivedAt: 0).sequences[0]
        for place in 0..<60 { sequence.tokens.append(TokenID(1 + place % 3)) }
        sequence.computed = sequence.tokens.count - 1
        return sequence
    }

    private func plan(_ sequence: Sequence, _ columns: Int) -> StepPlan {
        var plan = StepPlan()
        add(sequence, columns, to: &plan)
        return plan
    }

    private func add(_ sequence: Sequence, _ columns: Int, to plan: inout StepPlan) {
        plan.add(.init(sequence: sequence, position: sequence.computed, count: columns))
    }
}
