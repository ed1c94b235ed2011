/// Who goes first and who is paused last: by priority and age.
///
/// One step of priority is worth `secondsPerPriority` of waiting. So among requests that come together the
/// priority decides, and none is passed over for ever.
struct Rank: Comparable, Sendable {
    static let secondsPerPriority = 10

    /// Nanoseconds; the smaller goes first.
    private let place: Int64
    private let id: RequestID
    private let choice: Int

    /// - Parameters:
    ///   - arrivedAt: monotonic clock, nanoseconds.
    ///   - priority: the smaller, the more urgent; within `GenerationRequest.priorityRange`.
    init(arrivedAt: UInt64, priority: Int, id: RequestID, choice: Int) {
        let worth = Int64(priority) * Int64(Self.secondsPerPriority) * 1_000_000_000
        place = Int64(clamping: arrivedAt).addingReportingOverflow(worth).partialValue
        self.id = id
        self.choice = choice
    }

    static func < (a: Rank, b: Rank) -> Bool { (a.place, a.id, a.choice) < (b.place, b.id, b.choice) }
}
