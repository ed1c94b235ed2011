import Glibc
import ModelFiles
import Models
import Testing

@testable import Engine

@Suite struct LifecycleTests {
    private struct LoadingFailed: Error {}

    @Test func whatTheModelsMakerThrowsIsThrown() {
        #expect(throws: LoadingFailed.self) { try Engine { throw LoadingFailed() } }
    }

    @Test func aModelWithoutKVBlocksIsRefused() {
        var shape = FakeModel.Shape()
        shape.blockCount = 0
        #expect(throws: EngineError.unusable("the number of KV blocks is 0; it must be 1 to 2147483647")) {
            try makeEngine(shape)
        }
    }

    @Test func drainingFinishesWhatWasSubmittedAndRefusesMore() async throws {
        let control = FakeModelControl(stepsAllowed: 0)
        let engine = try makeEngine(control: control)
        let requests = (0..<8).map { GenerationRequest(prompt: prompt($0, count: 50), tokensMax: 20) }
        let collectors = try requests.map { try engine.collect($0).collector }
        engine.stop(drain: true)
        #expect(throws: AdmissionError.stopping) { try engine.collect(requests[0]) }
        control.allow(steps: .max)
        engine.waitUntilStopped()
        for collector in collectors {
            #expect(collector.now.choices[0]?.tokens.count == 20 && collector.now.ended == 1)
        }
        #expect(control.hasEnded)
        #expect(throws: AdmissionError.stopping) { try engine.collect(requests[0]) }
    }

    @Test func stoppingNowFailsWhatRunsAndWaits() async throws {
        let control = FakeModelControl(stepsAllowed: 1)
        var configuration = EngineConfiguration()
        configuration.sequencesMax = 1
        let engine = try makeEngine(control: control, configuration: configuration)
        let running = try engine.collect(GenerationRequest(prompt: prompt(1, count: 5), tokensMax: 20))
        #expect(await eventually { control.stepsBegun == 2 })
        let waiting = try engine.collect(GenerationRequest(prompt: prompt(1, count: 5), tokensMax: 20))
        engine.stop(drain: true)
        engine.stop(drain: false)
        control.allow(steps: 1)
        engine.waitUntilStopped()
        #expect(running.collector.now.choices[0]?.reason == .failed("the engine was stopped"))
        #expect(waiting.collector.now.choices[0]?.reason == .failed("the engine was stopped"))
        running.generation.cancel()
        var called = false
        withUnsafeMutablePointer(to: &called) { called in
            nonisolated(unsafe) let called = called
            engine.whenStopped { called.pointee = true }
        }
        #expect(called)
    }

    @Test func anEngineThatNobodyHoldsEnds() async throws {
        let control = FakeModelControl()
        var engine: Engine? = try makeEngine(control: control)
        #expect(engine?.vocabularyCount == 97)
        engine = nil
        #expect(await eventually { control.hasEnded })
    }

    @Test func anIdleEngineSleeps() async throws {
        let control = FakeModelControl()
        let engine = try makeEngine(control: control)
        _ = try await engine.collect(GenerationRequest(prompt: [1], tokensMax: 2)).collector.finished()
        let thread = control.thread
        #expect(Self.read("\(thread)/comm") == "apus-engine\n")
        let before = Self.processorTicks(thread)
        pause(milliseconds: 300)
        #expect(Self.processorTicks(thread) - before <= 1)
        #expect(control.stepsBegun == 2 && engine.status.steps == 2)
    }

    /// User and system time, fields 14 and 15 of `stat` (proc(5)), in clock ticks of 10 ms.
    private static func processorTicks(_ thread: String) -> Int {
        let fields = read("\(thread)/stat").split(separator: " ")
        return fields.count > 14 ? (Int(fields[13]) ?? 0) + (Int(fields[14]) ?? 0) : 0
    }

    private static func read(_ path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1024)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
