import Synchronization

/// Figures of a running engine at one moment.
public struct EngineStatus: Sendable, Equatable {
    /// Requests that wait for admission.
    public var requestsWaiting = 0
    /// Sequences that prefill or decode.
    public var sequencesRunning = 0
    /// Sequences that made room for others and go on later.
    public var sequencesPaused = 0
    /// KV memory, and what of it no sequence holds; all groups of layers together. Bytes.
    public var memoryBytes = 0
    public var memoryFreeBytes = 0
    /// KV memory that sequences hold. Bytes.
    public var memoryUsedBytes: Int { memoryBytes - memoryFreeBytes }
    /// The same as a share of all, 0 to 1.
    public var memoryUse: Double { memoryBytes > 0 ? Double(memoryUsedBytes) / Double(memoryBytes) : 0 }
    /// KV blocks that no sequence holds; they may keep what somebody asks for again.
    public var blocksFree = 0
    /// All KV blocks, if the window group had none.
    public var blockCount = 0
    /// Free blocks that keep computed tokens.
    public var blocksKept = 0
    /// The same of the window group's blocks; 0 where the model has no such group.
    public var windowBlocksFree = 0
    public var windowBlockCount = 0
    public var windowBlocksKept = 0
    /// Tokens of prompts that were read since the start, whether computed or found in the cache.
    public var readTokens = 0
    /// Those of them that were looked up in the prefix cache.
    public var queriedTokens = 0
    /// Prompt tokens computed since the start.
    public var promptTokens = 0
    /// Prompt tokens that did not have to be computed.
    public var cachedTokens = 0
    /// Times that a sequence had to make room for another.
    public var pauses = 0
    /// Tokens drawn since the start, stop tokens included.
    public var generatedTokens = 0
    /// Tokens drafted since the start, and how many of them were what was drawn.
    public var draftedTokens = 0
    public var acceptedTokens = 0
    /// Steps computed since the start.
    public var steps = 0
    /// Steps that were late and left their prompts to the next one.
    public var lateSteps = 0
    /// How long the present step, with what belongs to it, has taken so far; 0 when the engine sleeps.
    public var roundTime = Duration.zero

    public init() {}
}

/// The figures as the engine's thread writes them after each step and anybody reads them, without a
/// lock. Each is right by itself; together they may be of two neighbouring steps.
final class StatusBoard: Sendable {
    private let requestsWaiting = Atomic(0)
    private let sequencesRunning = Atomic(0)
    private let sequencesPaused = Atomic(0)
    private let memoryBytes = Atomic(0)
    private let memoryFreeBytes = Atomic(0)
    private let blocksFree = Atomic(0)
    private let blockCount = Atomic(0)
    private let blocksKept = Atomic(0)
    private let windowBlocksFree = Atomic(0)
    private let windowBlockCount = Atomic(0)
    private let windowBlocksKept = Atomic(0)
    private let readTokens = Atomic(0)
    private let queriedTokens = Atomic(0)
    private let promptTokens = Atomic(0)
    private let cachedTokens = Atomic(0)
    private let pauses = Atomic(0)
    private let generatedTokens = Atomic(0)
    private let draftedTokens = Atomic(0)
    private let acceptedTokens = Atomic(0)
    private let steps = Atomic(0)
    private let lateSteps = Atomic(0)

    var status: EngineStatus {
        var status = EngineStatus()
        status.requestsWaiting = requestsWaiting.load(ordering: .relaxed)
        status.sequencesRunning = sequencesRunning.load(ordering: .relaxed)
        status.sequencesPaused = sequencesPaused.load(ordering: .relaxed)
        status.memoryBytes = memoryBytes.load(ordering: .relaxed)
        status.memoryFreeBytes = memoryFreeBytes.load(ordering: .relaxed)
        status.blocksFree = blocksFree.load(ordering: .relaxed)
        status.blockCount = blockCount.load(ordering: .relaxed)
        status.blocksKept = blocksKept.load(ordering: .relaxed)
        status.windowBlocksFree = windowBlocksFree.load(ordering: .relaxed)
        status.windowBlockCount = windowBlockCount.load(ordering: .relaxed)
        status.windowBlocksKept = windowBlocksKept.load(ordering: .relaxed)
        status.readTokens = readTokens.load(ordering: .relaxed)
        status.queriedTokens = queriedTokens.load(ordering: .relaxed)
        status.promptTokens = promptTokens.load(ordering: .relaxed)
        status.cachedTokens = cachedTokens.load(ordering: .relaxed)
        status.pauses = pauses.load(ordering: .relaxed)
        status.generatedTokens = generatedTokens.load(ordering: .relaxed)
        status.draftedTokens = draftedTokens.load(ordering: .relaxed)
        status.acceptedTokens = acceptedTokens.load(ordering: .relaxed)
        status.steps = steps.load(ordering: .relaxed)
        status.lateSteps = lateSteps.load(ordering: .relaxed)
        return status
    }

    func publish(_ status: EngineStatus) {
        sequencesRunning.store(status.sequencesRunning, ordering: .relaxed)
        sequencesPaused.store(status.sequencesPaused, ordering: .relaxed)
        memoryBytes.store(status.memoryBytes, ordering: .relaxed)
        memoryFreeBytes.store(status.memoryFreeBytes, ordering: .relaxed)
        blocksFree.store(status.blocksFree, ordering: .relaxed)
        blockCount.store(status.blockCount, ordering: .relaxed)
        blocksKept.store(status.blocksKept, ordering: .relaxed)
        windowBlocksFree.store(status.windowBlocksFree, ordering: .relaxed)
        windowBlockCount.store(status.windowBlockCount, ordering: .relaxed)
        windowBlocksKept.store(status.windowBlocksKept, ordering: .relaxed)
        readTokens.store(status.readTokens, ordering: .relaxed)
        queriedTokens.store(status.queriedTokens, ordering: .relaxed)
        promptTokens.store(status.promptTokens, ordering: .relaxed)
        cachedTokens.store(status.cachedTokens, ordering: .relaxed)
        pauses.store(status.pauses, ordering: .relaxed)
        generatedTokens.store(status.generatedTokens, ordering: .relaxed)
        draftedTokens.store(status.draftedTokens, ordering: .relaxed)
        acceptedTokens.store(status.acceptedTokens, ordering: .relaxed)
        steps.store(status.steps, ordering: .relaxed)
        lateSteps.store(status.lateSteps, ordering: .relaxed)
    }

    /// Written by the mailbox, which sees requests before the engine does.
    func publish(requestsWaiting count: Int) {
        requestsWaiting.store(count, ordering: .relaxed)
    }
}
