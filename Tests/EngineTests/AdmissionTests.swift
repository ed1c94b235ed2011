import ModelFiles
import Models
import TestSupport
import Testing

@testable import Engine

@Suite struct AdmissionTests {
    @Test func theQueueTakesItsLimitAndNotOneMore() async throws {
        let control = FakeModelControl(stepsAllowed: 0)
        var configuration = EngineConfiguration()
        configuration.sequencesMax = 1
        configuration.queueMax = 3
        let engine = try makeEngine(control: control, configuration: configuration)
        let request = GenerationRequest(prompt: prompt(1, count: 5), tokensMax: 3)
        let running = try engine.collect(request)
        // It leaves the queue with its first step; the mail of the second tells the gate.
        control.allow(steps: 1)
        #expect(await eventually { control.stepsBegun == 2 && engine.status.requestsWaiting == 0 })
        let waiting = try (0..<3).map { _ in try engine.collect(request) }
        #expect(engine.status.requestsWaiting == 3)
        #expect(throws: AdmissionError.queueFull(retryAfterSeconds: 1)) { try engine.collect(request) }
        waiting[1].generation.cancel()
        control.allow(steps: .max)
        for entry in [running] + waiting { #expect(await entry.collector.finished().ended == 1) }
        #expect(await eventually { engine.status.requestsWaiting == 0 })
        _ = try engine.collect(request)
    }

    @Test func aRefusedCallerIsToldHowLongTheQueueTakes() throws {
        var gate = AdmissionGate(queueMax: 2, queueTokensMax: 10_000)
        #expect(gate.retryAfterSeconds == 1)
        gate.pace.observeStep(columns: 100, seconds: 1)
        let size = RequestSize(promptCount: 300, answerMax: 200, choiceCount: 2)
        try gate.enter(size)
        #expect(gate.retryAfterSeconds == 7)
        try gate.enter(size)
        #expect(throws: AdmissionError.queueFull(retryAfterSeconds: 14)) { try gate.enter(size) }
        for _ in 0..<100 { gate.pace.observeAnswer(tokens: 50, allowed: 200) }
        // Two requests of 300 + 400 / 4 columns at 100 a second, and a rest of the first share.
        #expect(gate.retryAfterSeconds == 9)
        for _ in 0..<20 { gate.pace.observeStep(columns: 1, seconds: 2) }
        #expect(gate.retryAfterSeconds == 60)
        gate.leave(size)
        gate.leave(size)
        #expect(gate.retryAfterSeconds == 1 && gate.waitingCount == 0)
    }

    @Test func aPromptMayFillTheContextButForOneToken() throws {
        let engine = try makeEngine()
        #expect(throws: AdmissionError.contextExceeded(prompt: 513, context: 512)) {
            try engine.collect(GenerationRequest(prompt: prompt(1, count: 513), tokensMax: 0))
        }
        #expect(throws: AdmissionError.contextExceeded(prompt: 512, context: 512)) {
            try engine.collect(GenerationRequest(prompt: prompt(1, count: 512), tokensMax: 1))
        }
        _ = try engine.collect(GenerationRequest(prompt: prompt(1, count: 512), tokensMax: 0))
        _ = try engine.collect(GenerationRequest(prompt: prompt(1, count: 511), tokensMax: 1))
    }

    @Test func promptsThatWaitAreCountedByTheirTokens() throws {
        var gate = AdmissionGate(queueMax: 9, queueTokensMax: 1000)
        let long = RequestSize(promptCount: 2000, answerMax: 1, choiceCount: 1)
        let short = RequestSize(promptCount: 500, answerMax: 1, choiceCount: 1)
        try gate.enter(long)
        #expect(throws: AdmissionError.queueFull(retryAfterSeconds: 1)) { try gate.enter(short) }
        gate.leave(long)
        try gate.enter(short)
        try gate.enter(short)
        #expect(throws: AdmissionError.queueFull(retryAfterSeconds: 1)) { try gate.enter(short) }
    }

    @Test func aRequestThatNeverFitsIsRefusedWithTheNumbers() throws {
        var shape = FakeModel.Shape()
        shape.blockCount = 4  // of 1 KiB
        let engine = try makeEngine(shape)
        #expect(engine.contextLength == 128)
        _ = try engine.collect(GenerationRequest(prompt: prompt(1, count: 127), tokensMax: 400))
        #expect(throws: AdmissionError.memoryExceeded(neededBytes: 5 * 1024, budgetBytes: 4 * 1024)) {
            try engine.collect(GenerationRequest(prompt: prompt(1, count: 128), tokensMax: 400))
        }
    }

    @Test func aRequestIsWeighedByWhatBothGroupsKeepOfIt() async throws {
        var shape = FakeModel.Shape()
        shape.window = 40
        shape.blockCount = 6
        // 6 KiB: three blocks of the window group at most, 512 bytes each as those of the full group, of which there
        // may be nine then.
        let engine = try makeEngine(shape)
        #expect(engine.contextLength == 288)
        var request = GenerationRequest(prompt: prompt(1, count: 280), tokensMax: 400)
        request.sampling.temperature = 0
        let outcome = try await engine.collect(request).collector.finished()
        var expected = shape
        expected.contextLength = 288
        #expect(outcome.choices[0] == (try expectedChoice(request, shape: expected)))
        #expect(throws: AdmissionError.memoryExceeded(neededBytes: 13 * 512, budgetBytes: 6 * 1024)) {
            try engine.collect(GenerationRequest(prompt: prompt(1, count: 288), tokensMax: 1))
        }
    }

    @Test(arguments: [TinyModel.llama, .gemma3])
    func aModelWithLittleKVMemoryRefusesWhatItsContextWouldTake(tiny: TinyModel) throws {
        let directory = try TemporaryDirectory()
        let path = try tiny.write(to: directory.file("tiny.gguf"))
        var kv = KVGeometry(bytesPerBlock: 0, budgetBytes: 0)
        let engine = try withUnsafeMutablePointer(to: &kv) { kv in
            nonisolated(unsafe) let kv = kv
            return try Engine {
                let options = ModelOptions(threads: 1, kvBytesMax: 100_000)
                let model = try TransformerModel.load(file: GGUFFile(path: path), options: options)
                kv.pointee = model.kvGeometry
                return model
            }
        }
        let most = kv.positionsMax
        #expect(engine.contextLength == most && most < tiny.contextLength)
        _ = try engine.collect(GenerationRequest(prompt: Array(repeating: 5, count: most - 1), tokensMax: 1))
        let refusal = AdmissionError.memoryExceeded(
            neededBytes: kv.bytes(positions: most + 1), budgetBytes: kv.budgetBytes)
        #expect(throws: refusal) {
            try engine.collect(GenerationRequest(prompt: Array(repeating: 5, count: most), tokensMax: 1))
        }
    }

    @Test func whatTheCallerShouldHaveRefusedIsNamed() throws {
        let engine = try makeEngine()
        func expectInvalid(_ message: String, _ change: (inout GenerationRequest) -> Void) {
            var request = GenerationRequest(prompt: [1, 2], tokensMax: 5)
            change(&request)
            #expect(throws: AdmissionError.invalid(message)) { try engine.collect(request) }
        }
        expectInvalid("the prompt has no tokens; at least one is needed") { $0.prompt = [] }
        expectInvalid("prompt token 1 is 97; token ids are 0 to 96") { $0.prompt[1] = 97 }
        expectInvalid("prompt token 0 is -1; token ids are 0 to 96") { $0.prompt[0] = -1 }
        expectInvalid("the most new tokens is -1; it must be 0 or more") { $0.tokensMax = -1 }
        expectInvalid("0 choices were asked for; 1 to 96 are possible") { $0.choiceCount = 0 }
        expectInvalid("97 choices were asked for; 1 to 96 are possible") { $0.choiceCount = 97 }
        expectInvalid("the temperature is nan; it must be a number, 0 or more") {
            $0.sampling.temperature = .nan
        }
        expectInvalid("the temperature is -1.0; it must be a number, 0 or more") {
            $0.sampling.temperature = -1
        }
        expectInvalid("top_k is -1; it must be 0 or more") { $0.sampling.topK = -1 }
        expectInvalid("top_p is nan; it must be 0 to 1") { $0.sampling.topP = .nan }
        expectInvalid("min_p is 1.5; it must be 0 to 1") { $0.sampling.minP = 1.5 }
        expectInvalid("the priority is 1001; it must be -1000 to 1000") { $0.priority = 1001 }
        expectInvalid("the timeout is 0.0 seconds; it must be more than nothing") { $0.timeout = .zero }
        expectInvalid("21 alternatives were asked for; 0 to 20 are possible") { $0.alternativeCount = 21 }
    }
}
