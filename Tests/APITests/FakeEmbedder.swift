import Engine
import Synchronization

/// An encoder whose embedding of a text is its first token's number beside 1, and whose score of a pair how much longer
/// the second text is. It answers at once.
final class FakeEmbedder: EmbeddingEngine {
    let width = 2
    let contextLength = 32
    let vocabularyCount: Int
    let scoresPairs: Bool
    private let submitted = Mutex<[EmbeddingWork]>([])
    private let stepTime = Mutex(Duration.zero)

    /// A test sets how long its step has taken.
    var roundTime: Duration {
        get { stepTime.withLock { $0 } }
        set { stepTime.withLock { $0 = newValue } }
    }

    var works: [EmbeddingWork] { submitted.withLock { $0 } }

    init(vocabularyCount: Int, scoresPairs: Bool) {
        (self.vocabularyCount, self.scoresPairs) = (vocabularyCount, scoresPairs)
    }

    func submit(_ work: EmbeddingWork, sink: @escaping EmbeddingSink) throws(AdmissionError)
        -> any EmbeddingHandle
    {
        submitted.withLock { $0.append(work) }
        sink(
            .embeddings(
                work.inputs.map { input in
                    guard let start = input.secondStart else { return [Float(input.tokens[0]), 1] }
                    return [Float(input.tokens.count - 2 * start)]
                }))
        return Handle()
    }

    private final class Handle: EmbeddingHandle {
        func cancel() {}
    }
}
