/// A request between submission and its last event, as the engine's loop sees it.
///
/// Confined to the engine's thread.
final class LiveRequest {
    let group: SequenceGroup
    /// [choice]
    let random: [CounterRandom]
    private let sink: GenerationSink
    /// Events of this step, delivered together.
    private var events: [GenerationEvent] = []
    private let submittedAt: UInt64
    private var admittedAt: UInt64?
    private var promptReadAt: UInt64?
    /// When each choice last got tokens. [choice]
    private var tokensAt: [UInt64?]
    private let metrics: EngineMetrics

    init(_ submission: Mailbox.Submission, _ metrics: EngineMetrics, stateWidth: Int) {
        self.metrics = metrics
        tokensAt = Array(repeating: nil, count: submission.size.choiceCount)
        group = SequenceGroup(
            id: submission.id, request: submission.request, size: submission.size,
            arrivedAt: submission.submittedAt, stateWidth: stateWidth)
        let seed = submission.request.sampling.seed ?? 0
        random = (0..<submission.size.choiceCount).map { CounterRandom(seed: seed, choice: $0) }
        sink = submission.sink
        submittedAt = submission.submittedAt
    }

    func admitted(at time: UInt64) {
        admittedAt = time
        metrics.queue.observe(nanoseconds: time - submittedAt)
        events.append(.admitted)
    }

    func promptRead(at time: UInt64) {
        promptReadAt = time
        events.append(.prefilled(cachedTokens: group.cachedTokens))
    }

    func progress(processed: Int, cachedTokens: Int) {
        events.append(.progress(processed: processed, cachedTokens: cachedTokens))
    }

    func embedded(_ embedding: [Float]) { events.append(.embedding(embedding)) }

    func readPrompt(_ tokens: [PromptToken]) { events.append(.promptTokens(tokens)) }

    func drew(_ sampled: SampledToken, choice: Int) {
        events.append(
            .token(
                choice: choice, token: sampled.token, logprob: sampled.logprob,
                alternatives: sampled.alternatives))
    }

    /// A step gave a choice one token, or with drafts several.
    func gotTokens(choice: Int, at time: UInt64) {
        if let last = tokensAt[choice] {
            metrics.interToken.observe(nanoseconds: time - last)
        } else if tokensAt.allSatisfy({ $0 == nil }) {
            metrics.firstToken.observe(nanoseconds: time - submittedAt)
        }
        tokensAt[choice] = time
    }

    /// Events of this step so far.
    var eventCount: Int { events.count }

    /// - Parameter index: where among this step's events it stands.
    func drafted(_ count: Int, accepted acceptedCount: Int, choice: Int, at index: Int) {
        events.insert(.drafted(choice: choice, count: count, acceptedCount: acceptedCount), at: index)
    }

    func shifted(_ count: Int, choice: Int) {
        events.append(.shifted(choice: choice, droppedTokens: count))
    }

    func finished(choice: Int, _ reason: FinishReason, at time: UInt64) {
        events.append(.finished(choice: choice, reason: reason))
        guard group.leader == nil else { return }
        metrics.request.observe(nanoseconds: time - submittedAt)
        events.append(.ended(timings: timings(endedAt: time)))
    }

    /// Hands the step's events over.
    func deliver() {
        guard !events.isEmpty else { return }
        sink(events)
        events.removeAll(keepingCapacity: true)
    }

    private func timings(endedAt end: UInt64) -> GenerationTimings {
        var timings = GenerationTimings()
        timings.queued = (admittedAt ?? end) - submittedAt
        if let admittedAt { timings.prefill = (promptReadAt ?? end) - admittedAt }
        if let promptReadAt { timings.decode = end - promptReadAt }
        return timings
    }
}
