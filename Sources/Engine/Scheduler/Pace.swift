/// How fast the engine has been lately, to tell a refused caller when to come back.
struct Pace: Equatable, Sendable {
    /// The time over which the speed is averaged.
    static let windowSeconds = 2.0
    /// Weight of the newest finished answer.
    static let answerWeight = 0.1

    /// Columns computed in a second of work; nil before the first step.
    private(set) var columnsPerSecond: Double?
    /// The part of its allowed tokens that an answer takes: most end long before `tokensMax`.
    private(set) var answerShare = 1.0

    mutating func observeStep(columns: Int, seconds: Double) {
        guard columns > 0, seconds > 0 else { return }
        let now = Double(columns) / seconds
        let weight = min(1, seconds / Self.windowSeconds)
        columnsPerSecond = columnsPerSecond.map { $0 + weight * (now - $0) } ?? now
    }

    mutating func observeAnswer(tokens: Int, allowed: Int) {
        guard allowed > 0 else { return }
        answerShare += Self.answerWeight * (Double(tokens) / Double(allowed) - answerShare)
    }
}
