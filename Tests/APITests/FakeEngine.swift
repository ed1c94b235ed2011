import Engine
import ModelFiles
import Synchronization

/// An engine that plays what a test wrote: on submission it sends groups of events, each as one step.
final class FakeEngine: GenerationEngine {
    typealias Script = @Sendable (GenerationRequest) throws(AdmissionError) -> [[GenerationEvent]]

    let contextLength: Int
    let vocabularyCount: Int
    let status: EngineStatus
    private let script: Script
    private let state = Mutex((requests: [GenerationRequest](), cancelled: [String]()))

    init(contextLength: Int = 256, vocabularyCount: Int, script: @escaping Script) {
        self.contextLength = contextLength
        self.vocabularyCount = vocabularyCount
        var status = EngineStatus()
        status.blockCount = 8
        status.blocksFree = 5
        (status.memoryBytes, status.memoryFreeBytes) = (800, 500)
        (status.windowBlockCount, status.windowBlocksFree, status.windowBlocksKept) = (4, 3, 2)
        self.status = status
        self.script = script
    }

    var requests: [GenerationRequest] { state.withLock { $0.requests } }
    /// What was cancelled: `all`, or the number of a choice.
    var cancelled: [String] { state.withLock { $0.cancelled } }

    /// Left in the queue, for requests that look before they submit.
    let places = Atomic(Int.max)

    func checkQueue(behind others: Int) throws(AdmissionError) {
        if others >= places.load(ordering: .acquiring) { throw .queueFull(retryAfterSeconds: 7) }
    }

    func submit(_ request: GenerationRequest, sink: @escaping GenerationSink) throws(AdmissionError)
        -> any Generation
    {
        guard request.prompt.count + min(request.tokensMax, 1) <= contextLength else {
            throw .contextExceeded(prompt: request.prompt.count, context: contextLength)
        }
        let steps = try script(request)
        state.withLock { $0.requests.append(request) }
        for step in steps { sink(step) }
        return FakeGeneration { what in self.state.withLock { $0.cancelled.append(what) } }
    }

    /// One answer of these tokens, a step each, that ends so.
    static func answer(_ tokens: [TokenID], end: FinishReason = .length, choices: Int = 1)
        -> [[GenerationEvent]]
    {
        var steps: [[GenerationEvent]] = [[.admitted]]
        for token in tokens {
            steps.append(
                (0..<choices).map { .token(choice: $0, token: token, logprob: nil, alternatives: []) })
        }
        steps.append(
            (0..<choices).map { .finished(choice: $0, reason: end) } + [.ended(timings: GenerationTimings())])
        return steps
    }
}

private final class FakeGeneration: Generation {
    private let report: @Sendable (String) -> Void

    init(_ report: @escaping @Sendable (String) -> Void) { self.report = report }

    func cancel() { report("all") }
    func cancel(choice: Int) { report("\(choice)") }
}
