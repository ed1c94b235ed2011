import ModelFiles
import Models
import Synchronization
import Testing

@testable import Engine

/// Embeddings by the engine that generates.
@Suite struct EmbeddingTests {
    private func request(_ prompt: [TokenID], _ pooling: Pooling) -> GenerationRequest {
        var request = GenerationRequest(prompt: prompt, tokensMax: 0)
        request.pooling = pooling
        return request
    }

    private func embedding(_ engine: Engine, _ request: GenerationRequest) async throws -> Collector.Outcome {
        let outcome = try await engine.collect(request).collector.finished()
        #expect(outcome.ended == 1 && outcome.late.isEmpty)
        return outcome
    }

    @Test(arguments: Pooling.allCases, [nil, 40])
    func `a prompt's states are pooled in their order, however it is cut`(
        _ pooling: Pooling, _ window: Int?
    ) async throws {
        let shape = FakeModel.Shape(window: window)
        let tokens = prompt(3, count: 150)
        let expected = FakeModel.embedding(of: tokens, pooling, shape)
        for chunk in [nil, 1, 7, 64] {
            var configuration = EngineConfiguration()
            configuration.chunkColumnsMax = chunk
            let engine = try makeEngine(shape, configuration: configuration)
            let cold = try await embedding(engine, request(tokens, pooling))
            #expect(cold.embedding == expected, "\(String(describing: chunk))")
            #expect(cold.choices[0]?.reason == .length && cold.choices[0]?.tokens == [])
            // Only the last state can be had without the others.
            let warm = try await embedding(engine, request(tokens, pooling))
            #expect(warm.embedding == expected)
            #expect(warm.cachedTokens == (pooling == .last ? tokens.count - 1 : 0))
        }
    }

    @Test(arguments: Pooling.allCases)
    func `it is the same among others, and when memory is short`(_ pooling: Pooling) async throws {
        // Five blocks for each of twelve: they pause each other.
        let shape = FakeModel.Shape(blockCount: 14)
        let engine = try makeEngine(shape)
        let prompts = (0..<12).map { prompt($0, count: 130 + $0) }
        let others = try (0..<12).map { index in
            try engine.collect(GenerationRequest(prompt: prompt(40 + index, count: 50), tokensMax: 60))
        }
        let embedded = try prompts.map { try engine.collect(request($0, pooling)) }
        for (tokens, collected) in zip(prompts, embedded) {
            let outcome = await collected.collector.finished()
            #expect(outcome.embedding == FakeModel.embedding(of: tokens, pooling, shape))
        }
        for other in others { #expect(await other.collector.finished().choices[0]?.tokens.count == 60) }
        #expect(engine.status.pauses > 0 && engine.status.memoryFreeBytes == engine.status.memoryBytes)
    }

    @Test func `states that are no numbers are an error`() async throws {
        let engine = try makeEngine(control: FakeModelControl(breaksLogits: true))
        let outcome = try await embedding(engine, request(prompt(1, count: 9), .mean))
        #expect(outcome.embedding == nil)
        #expect(outcome.choices[0]?.reason == .failed("the model's states are not numbers"))
    }

    @Test func `a request that embeds generates nothing`() throws {
        let engine = try makeEngine()
        var generating = request([1, 2], .mean)
        generating.tokensMax = 1
        #expect(throws: AdmissionError.self) { try engine.collect(generating) }
        var reporting = request([1, 2], .mean)
        reporting.promptAlternatives = 1
        #expect(throws: AdmissionError.self) { try engine.collect(reporting) }
    }
}

/// Requests of many inputs to the engine that generates.
@Suite struct DecoderEmbedderTests {
    private final class Result: Sendable {
        private let results = Mutex<[EmbeddingResult]>([])
        var all: [EmbeddingResult] { results.withLock { $0 } }
        var sink: EmbeddingSink { { result in self.results.withLock { $0.append(result) } } }

        func first() async -> EmbeddingResult? {
            _ = await eventually { !self.all.isEmpty }
            return all.first
        }
    }

    private func embedder(_ engine: Engine, _ pooling: Pooling = .last) -> DecoderEmbedder {
        DecoderEmbedder(engine, width: engine.stateWidth, pooling: pooling)
    }

    private func work(_ inputs: [[TokenID]]) -> EmbeddingWork {
        EmbeddingWork(inputs.map { EncoderInput($0) })
    }

    @Test(arguments: [4, 256])
    func `all inputs are embedded, though the queue holds but a few`(_ queueMax: Int) async throws {
        var configuration = EngineConfiguration()
        configuration.queueMax = queueMax
        let engine = try makeEngine(configuration: configuration)
        let inputs = (0..<100).map { prompt($0, count: 1 + $0 % 40) }
        let (first, second) = (Result(), Result())
        _ = try embedder(engine).submit(work(inputs), sink: first.sink)
        // A small queue is full until then.
        if queueMax < DecoderEmbedder.inputsAtOnceMax { _ = await first.first() }
        _ = try embedder(engine, .mean).submit(work(inputs.reversed()), sink: second.sink)
        #expect(
            await first.first() == .embeddings(inputs.map { FakeModel.embedding(of: $0, .last) }))
        #expect(
            await second.first()
                == .embeddings(inputs.reversed().map { FakeModel.embedding(of: $0, .mean) }))
        #expect(first.all.count == 1 && second.all.count == 1)
    }

    @Test func `whoever gives up leaves nothing in the engine`() async throws {
        let control = FakeModelControl(stepsAllowed: 1)
        let engine = try makeEngine(control: control)
        let result = Result()
        let handle = try embedder(engine).submit(
            work((0..<500).map { prompt($0, count: 60) }), sink: result.sink)
        #expect(await eventually { control.stepsBegun == 2 })
        #expect(engine.status.requestsWaiting + engine.status.sequencesRunning <= 32)
        handle.cancel()
        control.allow(steps: .max)
        #expect(
            await eventually { engine.status.requestsWaiting + engine.status.sequencesRunning == 0 })
        let steps = control.stepsBegun
        #expect(steps < 8 && result.all.isEmpty)
    }

    @Test func `time that is over ends it once`() async throws {
        let control = FakeModelControl(stepsAllowed: 1)
        let engine = try makeEngine(control: control)
        var late = work((0..<200).map { prompt($0, count: 60) })
        late.timeout = .milliseconds(30)
        let result = Result()
        _ = try embedder(engine).submit(late, sink: result.sink)
        pause(milliseconds: 40)
        control.allow(steps: .max)
        #expect(await result.first() == .timedOut)
        #expect(
            await eventually { engine.status.requestsWaiting + engine.status.sequencesRunning == 0 })
        #expect(result.all.count == 1)
    }

    @Test func `what the engine would not take is refused, and its end is told`() async throws {
        let control = FakeModelControl(stepsAllowed: 0)
        var configuration = EngineConfiguration()
        configuration.queueMax = 1
        let engine = try makeEngine(control: control, configuration: configuration)
        let embedder = embedder(engine)
        let result = Result()
        #expect(throws: AdmissionError.contextExceeded(prompt: 513, context: 512)) {
            try embedder.submit(work([[1], prompt(0, count: 513)]), sink: result.sink)
        }
        for inputs in [[], [[]], [[97]], [[-1]]] as [[[TokenID]]] {
            #expect(throws: AdmissionError.self) {
                try embedder.submit(work(inputs), sink: result.sink)
            }
        }
        _ = try embedder.submit(work([[1]]), sink: result.sink)
        #expect(await eventually { control.stepsBegun == 1 && engine.status.requestsWaiting == 0 })
        _ = try embedder.submit(work([[2]]), sink: result.sink)
        #expect(throws: AdmissionError.self) {
            try embedder.submit(work([[3]]), sink: result.sink)
        }
        engine.stop(drain: false)
        control.allow(steps: .max)
        #expect(await eventually { result.all.count == 2 })
        #expect(result.all.contains(.failed("the engine was stopped")))
    }
}

/// Whose turn it is with an encoder.
@Suite struct EmbeddingQueueTests {
    private final class Outcomes: Sendable {
        private let results = Mutex<[String: EmbeddingResult]>([:])
        var all: [String: EmbeddingResult] { results.withLock { $0 } }
        func sink(_ name: String) -> EmbeddingSink {
            { result in self.results.withLock { $0[name] = result } }
        }
    }

    private func work(_ token: TokenID, count: Int, priority: Int = 0, timeout: Duration? = nil)
        -> EmbeddingWork
    {
        var work = EmbeddingWork(
            Array(repeating: EncoderInput(Array(repeating: token, count: 10)), count: count))
        work.priority = priority
        work.timeout = timeout
        return work
    }

    private func step(_ queue: EmbeddingQueue, columns: Int = 40) -> [TokenID] {
        guard let batch = queue.take(columnsMax: columns) else { return [] }
        queue.finish(batch, batch.map { $0.input.tokens.map(Float.init) }, columns: columns, seconds: 0.001)
        return batch.map { $0.input.tokens[0] }
    }

    @Test func `requests take turns, the urgent ones first`() throws {
        let queue = EmbeddingQueue(tokensMax: 1000)
        let outcomes = Outcomes()
        _ = try queue.submit(work(1, count: 3), sink: outcomes.sink("long"))
        _ = try queue.submit(work(2, count: 3), sink: outcomes.sink("other"))
        _ = try queue.submit(work(3, count: 1), sink: outcomes.sink("short"))
        _ = try queue.submit(work(4, count: 2, priority: -1), sink: outcomes.sink("urgent"))
        #expect(step(queue) == [4, 4, 1, 2])
        #expect(step(queue) == [3, 1, 2, 1])
        #expect(step(queue) == [2])
        #expect(outcomes.all.count == 4)
        #expect(outcomes.all["short"] == .embeddings([Array(repeating: 3, count: 10)]))
    }

    @Test func `time that is over, and who gives up, is computed no more`() throws {
        let queue = EmbeddingQueue(tokensMax: 1000)
        let outcomes = Outcomes()
        let left = try queue.submit(work(1, count: 9), sink: outcomes.sink("left"))
        _ = try queue.submit(work(2, count: 9, timeout: .milliseconds(300)), sink: outcomes.sink("late"))
        _ = try queue.submit(work(3, count: 2), sink: outcomes.sink("other"))
        #expect(step(queue, columns: 20) == [1, 2])
        left.cancel()
        pause(milliseconds: 310)
        #expect(step(queue) == [3, 3])
        #expect(outcomes.all["late"] == .timedOut && outcomes.all["left"] == nil)
        #expect(outcomes.all["other"] != nil)
        queue.stop()
        #expect(queue.take(columnsMax: 40) == nil && outcomes.all.count == 2)
    }

    @Test func `how long a step takes is known while it runs`() throws {
        let queue = EmbeddingQueue(tokensMax: 100)
        _ = try queue.submit(work(1, count: 2), sink: Outcomes().sink("one"))
        #expect(queue.metrics.round.time(at: .max) == .zero)
        let batch = try #require(queue.take(columnsMax: 40))
        let began = MonotonicClock.now
        #expect(.seconds(1) ... .seconds(60) ~= queue.metrics.round.time(at: began + 1_000_000_000))
        queue.finish(batch, batch.map { _ in [] }, columns: 20, seconds: 0.001)
        #expect(queue.metrics.round.time(at: .max) == .zero)
    }

    @Test func `what waits is bounded, and told when the end comes`() throws {
        let queue = EmbeddingQueue(tokensMax: 100)
        let outcomes = Outcomes()
        _ = try queue.submit(work(1, count: 20), sink: outcomes.sink("alone"))
        #expect(throws: AdmissionError.queueFull(retryAfterSeconds: 1)) {
            try queue.submit(work(2, count: 1), sink: outcomes.sink("refused"))
        }
        queue.stop()
        #expect(outcomes.all == ["alone": .stopped])
        #expect(throws: AdmissionError.stopping) {
            try queue.submit(work(2, count: 1), sink: outcomes.sink("refused"))
        }
    }
}
