import Engine

/// Why an answer ended, as clients are told.
enum AnswerEnd: String, Sendable {
    case stop, length
    case toolCalls = "tool_calls"
}

/// What the client is to hear next.
enum AnswerEvent: Sendable, Equatable {
    /// The first prompt left the queue: from here on nothing but the engine can fail.
    case admitted
    /// How likely the next tokens of a prompt were, from its second one on.
    case prompt(Int, [PromptToken])
    /// How far a prompt was read.
    case progress(Int, PromptProgress)
    case delta(choice: Int, TextDelta)
    /// `delta` is what was still held.
    case finished(choice: Int, AnswerEnd, delta: TextDelta)
    case failed(String)
    /// The request's time was over before the first token.
    case timedOut
    /// The engine gave up without our asking.
    case cancelled

    /// Tokens that one merged event may have: with log-probabilities a token takes a few kilobytes of a stream.
    static let mergedTokensMax = 256

    /// The same with fewer events: deltas of one answer become one, of up to `mergedTokensMax` tokens, as long as
    /// nothing else of that answer lies between them.
    static func merged(_ events: [AnswerEvent]) -> [AnswerEvent] {
        var merged: [AnswerEvent] = []
        /// Where the last delta of each choice stands.
        var open: [Int: Int] = [:]
        for event in events {
            switch event {
            case .delta(let choice, let delta):
                if let place = open[choice], case .delta(_, var sum) = merged[place],
                    sum.tokens.count + delta.tokens.count <= mergedTokensMax
                {
                    sum.append(delta)
                    merged[place] = .delta(choice: choice, sum)
                    continue
                }
                open[choice] = merged.count
            case .finished(let choice, _, _): open[choice] = nil
            case .admitted, .prompt, .progress, .failed, .timedOut, .cancelled: break
            }
            merged.append(event)
        }
        return merged
    }
}
