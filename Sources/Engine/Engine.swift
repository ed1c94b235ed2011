import Glibc
import Models

/// Runs a language model on a thread of its own and serves any number of requests with it at once.
///
/// The model lives on that thread from its making to its end. Between two steps of the model requests
/// join and leave (continuous batching); a request's tokens do not depend on the others. When there
/// is nothing to do the thread sleeps.
///
/// Dropping the last reference stops the engine as `stop(drain: false)` does.
public final class Engine: GenerationEngine {
    private let mailbox: Mailbox
    private let board: StatusBoard
    let metrics = EngineMetrics()
    private let limits: EngineLimits

    /// Makes the model on the engine's new thread and waits until it is there.
    ///
    /// - Parameter round: hands out what a step gave; see `DeliveryRound`.
    /// - Throws: what `makeModel` throws, or an `EngineError`.
    public init(
        configuration: EngineConfiguration = EngineConfiguration(),
        round: @escaping DeliveryRound = { $0() },
        makeModel: @escaping @Sendable () throws -> any LanguageModel
    ) throws {
        let board = StatusBoard()
        let mailbox = Mailbox(
            gate: AdmissionGate(
                queueMax: configuration.queueMax, queueTokensMax: configuration.queueTokensMax), board: board)
        let metrics = metrics
        try EngineThread.start {
            EngineLoop.main(
                configuration: configuration, mailbox: mailbox, board: board, metrics: metrics,
                round: round, makeModel: makeModel)
        }
        limits = try mailbox.waitForStart()
        self.mailbox = mailbox
        self.board = board
    }

    deinit {
        mailbox.stop(drain: false)
    }

    /// The model's context, or all of the KV memory if that holds less.
    public var contextLength: Int { limits.contextLength }

    public var vocabularyCount: Int { limits.vocabularyCount }

    /// Numbers of an embedding.
    public var stateWidth: Int { limits.stateWidth }

    /// The latest figures; never waits for the engine.
    public var status: EngineStatus {
        var status = board.status
        status.roundTime = metrics.round.time()
        return status
    }

    public func checkQueue(behind others: Int) throws(AdmissionError) {
        try mailbox.checkQueue(behind: others)
    }

    public func submit(
        _ request: GenerationRequest, sink: @escaping GenerationSink
    ) throws(AdmissionError) -> any Generation {
        let size = try limits.size(of: request)
        var request = request
        // Every choice has its own stream of the request's seed.
        request.sampling.seed = request.sampling.seed ?? .random(in: .min ... .max)
        let id = try mailbox.submit(request, size: size, submittedAt: MonotonicClock.now, sink: sink)
        return EngineGeneration(id: id, mailbox: mailbox)
    }

    /// Takes no more requests and ends the thread: after the last answer, or after the step that runs
    /// (what is left then fails). Returns at once.
    public func stop(drain: Bool) {
        mailbox.stop(drain: drain)
    }

    /// Calls `action` when the engine has stopped and its model is gone: on the engine's thread, or at
    /// once if that was before.
    public func whenStopped(_ action: @escaping @Sendable () -> Void) {
        mailbox.whenEnded(action)
    }

    /// Waits until the engine has stopped. Not for threads that others need.
    public func waitUntilStopped() {
        mailbox.waitForEnd()
    }
}

/// The handle of one request of an `Engine`.
private final class EngineGeneration: Generation {
    private let id: RequestID
    private let mailbox: Mailbox

    init(id: RequestID, mailbox: Mailbox) {
        self.id = id
        self.mailbox = mailbox
    }

    func cancel() { mailbox.cancel(.init(id: id, choice: nil)) }
    func cancel(choice: Int) { mailbox.cancel(.init(id: id, choice: choice)) }
}

/// Nanoseconds of the clock that never jumps.
enum MonotonicClock {
    static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
