import Synchronization

/// How often durations fell between fixed bounds, without a lock: any thread observes, any thread reads.
///
/// An observation is a walk over the bounds and two atomic additions, some ten nanoseconds. A reader sees each of the
/// counts right by itself; between them an observation may just be happening.
public final class DurationHistogram: Sendable {
    /// Buckets, the one without an upper bound included.
    private static let bucketsMax = 24

    /// Upper bounds, inclusive, in nanoseconds; rising.
    private let bounds: [UInt64]
    /// The same as the format writes them, in seconds.
    private let boundTexts: [String]
    /// Observations in each bucket, not in those below it.
    private let counts = InlineArray<24, Atomic<Int>> { _ in Atomic(0) }
    /// Nanoseconds. It wraps after 292 years of observed time.
    private let sum = Atomic(0)

    /// - Parameter milliseconds: Upper bounds of the buckets, rising; one without a bound follows them.
    public init(milliseconds: [Double]) {
        precondition(milliseconds.count < Self.bucketsMax, "too many buckets")
        precondition(zip(milliseconds, milliseconds.dropFirst()).allSatisfy { $0 < $1 }, "bounds must rise")
        bounds = milliseconds.map { UInt64($0 * 1e6) }
        boundTexts = milliseconds.map { PrometheusText.text($0 / 1e3) }
    }

    public func observe(nanoseconds: UInt64) {
        let bucket = bounds.firstIndex { nanoseconds <= $0 } ?? bounds.count
        counts[bucket].wrappingAdd(1, ordering: .relaxed)
        sum.wrappingAdd(Int(truncatingIfNeeded: nanoseconds), ordering: .relaxed)
    }

    /// Observations so far.
    public var count: Int { (0...bounds.count).reduce(0) { $0 + counts[$1].load(ordering: .relaxed) } }

    /// All observations together, in nanoseconds.
    public var nanoseconds: Int { sum.load(ordering: .relaxed) }

    /// Buckets count what is under them too, and the last one is the count.
    func write(to text: inout PrometheusText, _ labels: PrometheusText.Labels) {
        var count = 0
        for bucket in 0...bounds.count {
            count += counts[bucket].load(ordering: .relaxed)
            let bound = bucket < bounds.count ? boundTexts[bucket] : "+Inf"
            text.sample(suffix: "_bucket", count, labels + [("le", bound)])
        }
        text.sample(suffix: "_sum", Double(nanoseconds) / 1e9, labels)
        text.sample(suffix: "_count", count, labels)
    }
}
