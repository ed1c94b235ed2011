/// Receives the events of one request, in order, in groups: those of one step together.
///
/// It is called on the engine's thread and must return at once: hand the events over and go.
public typealias GenerationSink = @Sendable ([GenerationEvent]) -> Void

/// Calls `deliver`, which calls the sinks of all requests that a step had something for. Who wakes threads in sinks can
/// put that off to the end of the round.
public typealias DeliveryRound = @Sendable (_ deliver: () -> Void) -> Void

/// Why a request was not taken.
public enum AdmissionError: Error, Sendable, Equatable {
    /// The queue is full; trying again after so many seconds is sensible.
    case queueFull(retryAfterSeconds: Int)
    /// Prompt and answer cannot fit: all numbers are tokens.
    case contextExceeded(prompt: Int, context: Int)
    /// One answer needs more KV memory than there is.
    case memoryExceeded(neededBytes: Int, budgetBytes: Int)
    /// The engine is stopping.
    case stopping
    /// A value that the caller should have refused.
    case invalid(String)
}

/// The caller's handle to a request that was taken.
public protocol Generation: AnyObject, Sendable {
    /// Stops all choices within one step. Harmless after the end.
    func cancel()
    /// Stops one choice (a stop string was found in its text). Harmless after its end.
    func cancel(choice: Int)
}

/// What a request handler needs of the engine; `Engine` is the one that runs a model.
public protocol GenerationEngine: AnyObject, Sendable {
    /// Positions a sequence may have, prompt and answer together.
    var contextLength: Int { get }
    var vocabularyCount: Int { get }
    /// The latest figures; never waits for the engine.
    var status: EngineStatus { get }
    /// Throws `.queueFull` when a request would be refused, whatever its prompt, if `others` came before it: nobody need
    /// render and tokenise what cannot be taken.
    func checkQueue(behind others: Int) throws(AdmissionError)
    /// Queues a request. Validates and returns at once; the events come through `sink`.
    func submit(_ request: GenerationRequest, sink: @escaping GenerationSink) throws(AdmissionError)
        -> any Generation
}
