import Engine

/// How far a prompt was read, in tokens.
struct PromptProgress: Sendable, Equatable {
    var total: Int
    /// Of the processed ones those that did not have to be computed.
    var cached: Int
    var processed: Int
    /// Since the request left the queue.
    var milliseconds: Double
}

/// Where an answer's time went, as the task that writes it sees it.
struct AnswerTimings: Sendable, Equatable {
    /// Tokens of the prompts that were found, and that were computed.
    var cachedTokens: Int
    var promptTokens: Int
    var promptMilliseconds: Double
    var answerTokens: Int
    var answerMilliseconds: Double
    var draftedTokens: Int
    var acceptedTokens: Int
}

/// Notes when things happened to a request.
struct AnswerClock: Sendable {
    private var admittedAt: ContinuousClock.Instant?
    private var promptReadAt: ContinuousClock.Instant?

    mutating func note(_ events: [GenerationEvent], at now: ContinuousClock.Instant) {
        for event in events {
            switch event {
            case .admitted: admittedAt = admittedAt ?? now
            // Of several prompts the last one.
            case .prefilled: promptReadAt = now
            case .progress, .promptTokens, .embedding, .token, .drafted, .shifted, .finished, .ended: break
            }
        }
    }

    func milliseconds(at now: ContinuousClock.Instant) -> Double {
        admittedAt.map { ($0.duration(to: now)).milliseconds } ?? 0
    }

    func timings(_ usage: Usage, at now: ContinuousClock.Instant) -> AnswerTimings {
        let read = promptReadAt ?? now
        return AnswerTimings(
            cachedTokens: usage.cachedTokens, promptTokens: usage.promptTokens - usage.cachedTokens,
            promptMilliseconds: milliseconds(at: read), answerTokens: usage.completionTokens,
            answerMilliseconds: read.duration(to: now).milliseconds,
            draftedTokens: usage.acceptedTokens + usage.rejectedTokens, acceptedTokens: usage.acceptedTokens)
    }
}

extension Duration {
    fileprivate var milliseconds: Double {
        Double(components.seconds) * 1e3 + Double(components.attoseconds) * 1e-15
    }
}
