import ModelFiles
import Models

/// Runs an encoder on a thread of its own and reads the texts of any number of requests at once.
///
/// Every step is filled with inputs of all requests in turn, whatever their lengths, so that a request of one text does
/// not wait behind a request of a thousand. When there is nothing to do the thread sleeps.
public final class Embedder: EmbeddingEngine {
    public let width: Int
    public let contextLength: Int
    public let vocabularyCount: Int
    public let scoresPairs: Bool
    let queue: EmbeddingQueue
    public var roundTime: Duration { queue.metrics.round.time() }

    /// Makes the model on the new thread and waits until it is there.
    ///
    /// - Parameter queueTokensMax: of the inputs that wait; a request that would make them more is refused, unless
    ///   nobody waits.
    /// - Throws: what `makeModel` throws, or an `EngineError`.
    public init(queueTokensMax: Int, makeModel: @escaping @Sendable () throws -> EncoderModel) throws {
        let queue = EmbeddingQueue(tokensMax: queueTokensMax)
        try EngineThread.start {
            do {
                let model = try makeModel()
                model.adoptThread()
                queue.started(.success((model.shape, model.scoresPairs)))
                Self.run(model, queue)
            } catch {
                queue.started(.failure(error))
            }
        }
        let (shape, scoresPairs) = try queue.waitForStart().get()
        self.scoresPairs = scoresPairs
        (width, contextLength, vocabularyCount) = (shape.width, shape.contextLength, shape.vocabularyCount)
        self.queue = queue
    }

    deinit { queue.stop() }

    public func submit(_ work: EmbeddingWork, sink: @escaping EmbeddingSink) throws(AdmissionError)
        -> any EmbeddingHandle
    {
        try work.check(self)
        return try queue.submit(work, sink: sink)
    }

    /// Ends the thread after the step that runs. Returns at once.
    public func stop() { queue.stop() }

    /// The body of the thread.
    private static func run(_ model: EncoderModel, _ queue: EmbeddingQueue) {
        while let batch = queue.take(columnsMax: model.columnsMax) {
            let started = MonotonicClock.now
            let embeddings = model.read(batch.map(\.input))
            let columns = batch.reduce(0) { $0 + $1.input.tokens.count }
            queue.finish(
                batch, embeddings, columns: columns, seconds: Double(MonotonicClock.now - started) * 1e-9)
        }
    }
}
