import ModelFiles
import Models

/// What a request handler needs to embed texts; `Embedder` runs an encoder, `DecoderEmbedder` asks the engine that
/// generates.
public protocol EmbeddingEngine: AnyObject, Sendable {
    /// Numbers of an embedding.
    var width: Int { get }
    /// Tokens of the longest input.
    var contextLength: Int { get }
    var vocabularyCount: Int { get }
    /// Whether it scores pairs of texts.
    var scoresPairs: Bool { get }
    /// How long the present step of a thread of its own has taken so far; 0 when it sleeps, or there is none.
    var roundTime: Duration { get }
    /// Queues a request; `sink` is called once, on the engine's thread, and must return at once.
    func submit(_ work: EmbeddingWork, sink: @escaping EmbeddingSink) throws(AdmissionError)
        -> any EmbeddingHandle
}

/// Everything that the engine may know of a request to embed.
public struct EmbeddingWork: Sendable {
    public typealias Input = EncoderInput

    /// Each of 1 to `contextLength` tokens of the vocabulary; pairs only where the engine scores them.
    public var inputs: [Input]
    /// Whose request it is; keys that have work get equal shares of an engine that generates.
    public var key = ""
    /// The smaller, the more urgent. One step is worth ten seconds of waiting.
    public var priority = 0
    /// Time from submission after which it is given up; nil is none.
    public var timeout: Duration?

    public init(_ inputs: [Input]) {
        self.inputs = inputs
    }

    /// When it is given up, monotonic clock in nanoseconds; nil when there is no limit.
    func deadline(submittedAt now: UInt64) -> UInt64? {
        guard let timeout else { return nil }
        let (sum, overflows) = now.addingReportingOverflow(timeout.nanoseconds)
        return overflows ? nil : sum
    }

    func check(_ engine: some EmbeddingEngine) throws(AdmissionError) {
        for input in inputs.lazy.map(\.tokens) {
            guard !input.isEmpty else { throw .invalid("an input without tokens") }
            guard input.count <= engine.contextLength else {
                throw .contextExceeded(prompt: input.count, context: engine.contextLength)
            }
            guard input.allSatisfy({ $0 >= 0 && Int($0) < engine.vocabularyCount }) else {
                throw .invalid("a token id outside of the vocabulary")
            }
        }
        guard engine.scoresPairs || inputs.allSatisfy({ $0.secondStart == nil }) else {
            throw .invalid("a pair of texts, and a model that does not score pairs")
        }
        guard !inputs.isEmpty else { throw .invalid("a request without inputs") }
        guard GenerationRequest.priorityRange ~= priority else {
            throw .invalid("the priority is \(priority); it must be -1000 to 1000")
        }
        if let timeout, timeout <= .zero {
            throw .invalid("the timeout is \(timeout); it must be more than nothing")
        }
    }
}

/// Receives what came of a request.
public typealias EmbeddingSink = @Sendable (EmbeddingResult) -> Void

public enum EmbeddingResult: Sendable, Equatable {
    /// Of all texts the embeddings, as the model's pooling gives them, not normalised; of pairs the score.
    /// [input][width or 1]
    case embeddings([[Float]])
    /// Its time was over before it was done.
    case timedOut
    /// The engine would not take the rest of its inputs.
    case refused(AdmissionError)
    /// The engine could not go on; the text says why.
    case failed(String)
    /// The engine was stopped before it was done.
    case stopped
}

public protocol EmbeddingHandle: AnyObject, Sendable {
    /// Nobody waits any more: what has not been computed never will be, and the sink is not called.
    func cancel()
}
