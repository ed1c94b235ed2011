import ModelFiles
import Models
import Synchronization

/// Embeds with the model that generates: an input is a prompt of which, instead of logits, the states are wanted.
///
/// To the engine each input is a request of its own, which it plans, pauses, cancels and counts like any other, and
/// whose prompt the prefix cache knows. So embeddings and answers share steps, and are the same to the bit in any
/// company.
public final class DecoderEmbedder: EmbeddingEngine {
    /// Inputs of one request that the engine has at once. The others take up neither its queue nor its memory.
    static let inputsAtOnceMax = 32

    public let width: Int
    public var contextLength: Int { engine.contextLength }
    public var vocabularyCount: Int { engine.vocabularyCount }
    public let scoresPairs = false
    /// It has no thread but the engine's.
    public let roundTime = Duration.zero
    private let engine: any GenerationEngine
    private let pooling: Pooling

    /// - Parameter width: numbers of the model's state.
    public init(_ engine: any GenerationEngine, width: Int, pooling: Pooling) {
        self.engine = engine
        self.width = width
        self.pooling = pooling
    }

    public func submit(_ work: EmbeddingWork, sink: @escaping EmbeddingSink) throws(AdmissionError)
        -> any EmbeddingHandle
    {
        try work.check(self)
        let run = DecoderEmbedding(work, engine, pooling, sink)
        try run.begin()
        return run
    }
}

/// One request on its way through a `DecoderEmbedder`: gives the engine its inputs, a few at a time, and gathers what
/// comes of them.
private final class DecoderEmbedding: EmbeddingHandle {
    private struct State {
        /// The first input that the engine was never given, and those that it did not take.
        var next = 0
        var returned: [Int] = []
        /// Inputs that the engine has.
        var running = 0
        /// Of these, to cancel them.
        var generations: [Int: any Generation] = [:]
        /// [input]
        var embeddings: [[Float]]
        /// The sink was called, or never will be.
        var isOver = false

        mutating func takeNext() -> Int? {
            guard !isOver, let index = returned.popLast() ?? (next < embeddings.count ? next : nil) else {
                return nil
            }
            next = max(next, index + 1)
            running += 1
            return index
        }

        var isWhole: Bool { running == 0 && returned.isEmpty && next == embeddings.count && !isOver }
    }

    private let work: EmbeddingWork
    private let engine: any GenerationEngine
    private let pooling: Pooling
    private let sink: EmbeddingSink
    private let deadline: UInt64?
    private let state: Mutex<State>

    init(
        _ work: EmbeddingWork, _ engine: any GenerationEngine, _ pooling: Pooling,
        _ sink: @escaping EmbeddingSink
    ) {
        self.work = work
        self.engine = engine
        self.pooling = pooling
        self.sink = sink
        deadline = work.deadline(submittedAt: MonotonicClock.now)
        state = Mutex(State(embeddings: Array(repeating: [], count: work.inputs.count)))
    }

    /// The engine gets the first inputs. Throws when it takes none of them.
    func begin() throws(AdmissionError) {
        guard let index = state.withLock({ $0.takeNext() }) else { return }
        try submit(index)
        refill()
    }

    func cancel() { end(nil) }

    // MARK: - Inputs

    /// Gives the engine inputs while it takes them. Who finds the queue full tries again when one of those that are in
    /// the engine has been read.
    private func refill() {
        func next() -> Int? {
            state.withLock { $0.running < DecoderEmbedder.inputsAtOnceMax ? $0.takeNext() : nil }
        }
        while let index = next() {
            do throws(AdmissionError) {
                try submit(index)
            } catch {
                if case .queueFull = error, state.withLock({ $0.running > 0 }) { return }
                end(.refused(error))
                return
            }
        }
    }

    private func submit(_ index: Int) throws(AdmissionError) {
        var request = GenerationRequest(prompt: work.inputs[index].tokens, tokensMax: 0)
        request.pooling = pooling
        request.key = work.key
        request.priority = work.priority
        if let deadline {
            // What is left of it may be nothing, which ends the request at once.
            let now = MonotonicClock.now
            request.timeout = .nanoseconds(Int64(clamping: max(1, deadline > now ? deadline - now : 0)))
        }
        do throws(AdmissionError) {
            let generation = try engine.submit(request) { [self] events in take(events, of: index) }
            keep(generation, of: index)
        } catch {
            state.withLock { state in
                state.running -= 1
                state.returned.append(index)
            }
            throw error
        }
    }

    private func keep(_ generation: any Generation, of index: Int) {
        let isWanted = state.withLock { state in
            // It may have been read already.
            if !state.isOver, state.embeddings[index].isEmpty { state.generations[index] = generation }
            return !state.isOver
        }
        if !isWanted { generation.cancel() }
    }

    // MARK: - Events

    /// Called on the engine's thread.
    private func take(_ events: [GenerationEvent], of index: Int) {
        for event in events {
            switch event {
            case .embedding(let embedding):
                state.withLock { if !$0.isOver { $0.embeddings[index] = embedding } }
            case .finished(_, .length): finished(index)
            case .finished(_, .timeout): end(.timedOut)
            case .finished(_, .failed(let why)): end(.failed(why))
            case .finished(_, .cancelled), .finished(_, .stopToken): break
            case .admitted, .progress, .promptTokens, .prefilled, .token, .drafted, .shifted, .ended: break
            }
        }
    }

    private func finished(_ index: Int) {
        let whole = state.withLock { state -> [[Float]]? in
            state.running -= 1
            state.generations[index] = nil
            return state.isWhole ? state.embeddings : nil
        }
        if let whole { end(.embeddings(whole)) } else { refill() }
    }

    /// Once: what the engine still has is cancelled, and who waits gets the result.
    private func end(_ result: EmbeddingResult?) {
        let left = state.withLock { state -> [any Generation]? in
            guard !state.isOver else { return nil }
            state.isOver = true
            defer {
                state.generations = [:]
                state.embeddings = []
            }
            return Array(state.generations.values)
        }
        guard let left else { return }
        for generation in left { generation.cancel() }
        if let result { sink(result) }
    }
}
