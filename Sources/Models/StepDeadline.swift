/// When a step should have ended, and what it leaves undone rather than end much later: the columns of prompts, behind
/// those that write answers.
///
/// Whoever waits for his next token should not wait for a prompt that takes longer than was planned, because something
/// else has the processor. So a step that is late stops computing the last slices between two layers. What it has
/// written of their keys and values is in nobody's way: no position counts that was not computed to the end.
public final class StepDeadline {
    /// The first slices of the batch, which are computed in any case.
    public let keptSlices: Int
    private let now: () -> UInt64
    private let start: UInt64
    private let expected: Double
    private let latest: Double
    /// The part of the layers that the other slices went through; below 1, they were left.
    public private(set) var computedShare = 1.0

    /// In the last layers nothing is left: most of the work would be lost, and little time gained.
    private static let shareMax = 0.75

    /// - Parameters:
    ///   - now: Nanoseconds of a clock; called by one of the model's threads.
    ///   - start: When the step began.
    ///   - expected: Nanoseconds that the whole step is expected to take.
    ///   - latest: Nanoseconds that it should take at most.
    public init(
        keptSlices: Int, now: @escaping () -> UInt64, start: UInt64, expected: Double, latest: Double
    ) {
        (self.keptSlices, self.now, self.start) = (keptSlices, now, start)
        (self.expected, self.latest) = (expected, latest)
    }

    public var isMissed: Bool { computedShare < 1 }

    /// Misses the deadline if after this part of the layers the rest, at the expected speed, would end too late.
    ///
    /// - Returns: whether only the kept slices go through the rest.
    public func decide(after share: Double) -> Bool {
        guard share <= Self.shareMax else { return false }
        let elapsed = now()
        guard Double(elapsed &- start) + expected * (1 - share) > latest else { return false }
        computedShare = share
        return true
    }
}
