import Engine
import Glibc
import Models
import Synchronization

/// A real engine whose model takes each step only when a test allows it, and which counts cancels.
final class HeldEngine: GenerationEngine {
    private let engine: Engine
    private let steps: Steps
    private let cancels = Atomic(0)

    /// - Parameter sequencesMax: sequences that run at once.
    init(vocabularyCount: Int, sequencesMax: Int) throws {
        var configuration = EngineConfiguration()
        configuration.sequencesMax = sequencesMax
        let steps = Steps()
        self.steps = steps
        engine = try Engine(configuration: configuration) {
            HeldModel(vocabularyCount: vocabularyCount, steps: steps)
        }
    }

    var contextLength: Int { engine.contextLength }
    var vocabularyCount: Int { engine.vocabularyCount }
    var status: EngineStatus { engine.status }
    var cancelCount: Int { cancels.load(ordering: .acquiring) }
    /// Steps that have begun, the one that waits included.
    var stepsBegun: Int { steps.begun.load(ordering: .acquiring) }

    func allow(steps count: Int) { steps.allowed.wrappingAdd(count, ordering: .releasing) }

    func checkQueue(behind others: Int) throws(AdmissionError) { try engine.checkQueue(behind: others) }

    func submit(_ request: GenerationRequest, sink: @escaping GenerationSink) throws(AdmissionError)
        -> any Generation
    {
        CountedGeneration(try engine.submit(request, sink: sink)) { [self] in
            cancels.wrappingAdd(1, ordering: .releasing)
        }
    }
}

private final class Steps: Sendable {
    let begun = Atomic(0)
    let allowed = Atomic(0)
}

private final class CountedGeneration: Generation {
    private let generation: any Generation
    private let note: @Sendable () -> Void

    init(_ generation: any Generation, note: @escaping @Sendable () -> Void) {
        (self.generation, self.note) = (generation, note)
    }

    func cancel() {
        generation.cancel()
        note()
    }

    func cancel(choice: Int) { generation.cancel(choice: choice) }
}

/// Always likes the letter a most.
private final class HeldModel: LanguageModel {
    let vocabularyCount: Int
    let contextLength = 512
    let columnsMax = 64
    let kvGeometry = KVGeometry(bytesPerBlock: 1024, blockCount: 64)
    let stateWidth = 4
    private let steps: Steps
    private let logits: Logits

    init(vocabularyCount: Int, steps: Steps) {
        self.vocabularyCount = vocabularyCount
        self.steps = steps
        logits = Logits(vocabularyCount: vocabularyCount)
    }

    func forward(_ batch: StepBatch) -> Logits {
        let number = steps.begun.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue
        while steps.allowed.load(ordering: .acquiring) < number { usleep(1000) }
        logits.prepare(batch.outputs)
        for output in 0..<batch.outputs.count {
            let row = logits[output]
            for token in 0..<vocabularyCount { row.values[token] = token == 100 ? 5 : 0 }
            for segment in 0..<row.segmentCount { row.summarize(segment) }
        }
        return logits
    }

    func copyBlock(_ group: KVGroup, from source: Int32, to destination: Int32, tokens: Int) {}
    func discardBlock(_ group: KVGroup, _ block: Int32) {}
}
