import Engine

/// Why an answer ended, as clients are told.
enum AnswerEnd: String, Sendable {
    case stop, length
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
}
