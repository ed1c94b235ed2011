import ModelFiles
import Models

/// What a request handler needs to embed texts; `Embedder` is the one that runs a model.
public protocol EmbeddingEngine: AnyObject, Sendable {
    /// Numbers of an embedding.
    var width: Int { get }
    /// Tokens of the longest input.
    var contextLength: Int { get }
    var vocabularyCount: Int { get }
    /// Queues a request; `sink` is called once, on the engine's thread, and must return at once.
    ///
    /// - Parameter inputs: each of 1 to `contextLength` tokens of the vocabulary.
    func submit(_ inputs: [[TokenID]], sink: @escaping EmbeddingSink) throws(AdmissionError)
        -> any EmbeddingHandle
}

/// Receives the embeddings of all inputs, as the model's pooling gives them, not normalised. [input][width]
public typealias EmbeddingSink = @Sendable (EmbeddingResult) -> Void

public enum EmbeddingResult: Sendable, Equatable {
    case embeddings([[Float]])
    /// The engine was stopped before it was done.
    case stopped
}

public protocol EmbeddingHandle: AnyObject, Sendable {
    /// Nobody waits any more: what has not been computed never will be, and the sink is not called.
    func cancel()
}
