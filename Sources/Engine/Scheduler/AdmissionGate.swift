/// The door of the queue: counts who waits, and refuses when there are too many.
///
/// Callers pass it on their own threads, so that a refusal costs no step.
struct AdmissionGate {
    /// What a refused caller may be told to wait, in seconds.
    static let retryAfterSeconds = 1...60

    let queueMax: Int
    let queueTokensMax: Int
    /// Requests that were submitted and not yet admitted.
    private(set) var waitingCount = 0
    private var waitingPromptTokens = 0
    private var waitingAnswerTokensMax = 0
    /// The engine's latest figures.
    var pace = Pace()

    init(queueMax: Int, queueTokensMax: Int) {
        self.queueMax = queueMax
        self.queueTokensMax = queueTokensMax
    }

    /// Whether there is room for the smallest request behind so many others.
    func check(behind others: Int = 0) throws(AdmissionError) {
        guard waitingCount + others < queueMax else { throw .queueFull(retryAfterSeconds: retryAfterSeconds) }
    }

    mutating func enter(_ size: RequestSize) throws(AdmissionError) {
        try check()
        guard waitingCount == 0 || waitingPromptTokens + size.promptCount <= queueTokensMax
        else { throw .queueFull(retryAfterSeconds: retryAfterSeconds) }
        waitingCount += 1
        waitingPromptTokens += size.promptCount
        waitingAnswerTokensMax += size.choiceCount * size.answerMax
    }

    /// A request was admitted, or cancelled while it waited.
    mutating func leave(_ size: RequestSize) {
        precondition(waitingCount > 0, "more requests left the queue than entered it")
        waitingCount -= 1
        waitingPromptTokens -= size.promptCount
        waitingAnswerTokensMax -= size.choiceCount * size.answerMax
    }

    /// How long the engine will take for those who wait now, at its latest pace.
    var retryAfterSeconds: Int {
        let bounds = Self.retryAfterSeconds
        guard let columnsPerSecond = pace.columnsPerSecond, columnsPerSecond > 0 else {
            return bounds.lowerBound
        }
        let columns = Double(waitingPromptTokens) + pace.answerShare * Double(waitingAnswerTokensMax)
        let seconds = (columns / columnsPerSecond).rounded(.up)
        return Int(min(max(seconds, Double(bounds.lowerBound)), Double(bounds.upperBound)))
    }
}
