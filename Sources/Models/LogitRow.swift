import Compute

/// One row of `Logits`, valid until the model's next step.
///
/// Its logits may be changed until then: `summarize` must follow for each segment that they lie in.
public struct LogitRow {
    /// Tokens of the vocabulary.
    public let count: Int
    public let segmentCount: Int
    /// [token]
    public let values: UnsafeMutablePointer<Float>
    /// -infinity where all tokens are masked, NaN where a logit is NaN or +infinity. [segment]
    public let maxima: UnsafeMutablePointer<Float>
    /// [2][segment]
    let sums: UnsafeMutablePointer<Float>
    /// [2]
    let scales: UnsafeMutablePointer<Float>
    let kernels: Kernels

    public var logits: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: values, count: count) }

    /// What a logit is multiplied with at a temperature above 0.
    public static func scale(temperature: Float) -> Float { min(1 / temperature, .greatestFiniteMagnitude) }

    /// Tokens of a segment.
    public func range(_ segment: Int) -> Range<Int> {
        let start = segment * Logits.segmentSize
        return start..<min(start + Logits.segmentSize, count)
    }

    /// Brings the summary of a segment up to date with its logits.
    public func summarize(_ segment: Int) {
        let (start, count) = (range(segment).lowerBound, range(segment).count)
        maxima[segment] = kernels.table.pointee.logits_maximum(values + start, count)
        for kind in 0..<2 where scales[kind] != 0 { sum(segment, kind) }
    }

    /// The largest logit; -infinity when all tokens are masked, NaN when one is NaN or +infinity.
    public var maximum: Float { kernels.table.pointee.logits_maximum(maxima, segmentCount) }

    /// The first of the tokens with the largest logit, which is finite.
    public func first(of maximum: Float) -> Int {
        for segment in 0..<segmentCount where maxima[segment] == maximum {
            for token in range(segment) where values[token] == maximum { return token }
        }
        return 0
    }

    /// Sums e^((logit - maximum) * scale) over each segment, and over the row: in 8 lanes of at most 32 terms,
    /// then in double precision, so that rounding stays below 3e-6 of a sum.
    ///
    /// Takes the sums that the step made; a row that has none for this scale is read for them.
    ///
    /// - Parameter weights: gets the segments' sums. [segment]
    /// - Returns: the row's sum.
    public func weighSegments(
        maximum: Float, scale: Float, weights: UnsafeMutablePointer<Float>
    ) -> Double {
        let kind = scale == 1 ? 0 : 1
        if scales[kind] != scale {
            scales[kind] = scale
            for segment in 0..<segmentCount { sum(segment, kind) }
        }
        let sums = sums + kind * segmentCount
        _ = kernels.table.pointee.logits_weigh(maxima, segmentCount, maximum, scale, weights)
        var total = 0.0
        for segment in 0..<segmentCount {
            weights[segment] *= sums[segment]
            total += Double(weights[segment])
        }
        return total
    }

    /// Writes e^((logit - maximum) * scale) of `count` logits.
    public func weigh(
        _ logits: UnsafePointer<Float>, _ count: Int, maximum: Float, scale: Float,
        weights: UnsafeMutablePointer<Float>
    ) {
        _ = kernels.table.pointee.logits_weigh(logits, count, maximum, scale, weights)
    }

    /// Writes the tokens whose logit is at least `least`, rising.
    ///
    /// - Parameter tokens: room for every token of the vocabulary.
    /// - Returns: how many there are.
    public func select(least: Float, tokens: UnsafeMutablePointer<UInt32>) -> Int {
        var found = 0
        for segment in 0..<segmentCount where maxima[segment] >= least {
            let range = range(segment)
            found += kernels.table.pointee.logits_select(
                values + range.lowerBound, range.count, least, UInt32(range.lowerBound), tokens + found)
        }
        return found
    }

    /// Sums relative to the segment's own maximum, which is known before the row's.
    private func sum(_ segment: Int, _ kind: Int) {
        let (start, count) = (range(segment).lowerBound, range(segment).count)
        sums[kind * segmentCount + segment] = kernels.table.pointee.logits_weigh(
            values + start, count, maxima[segment], scales[kind], nil)
    }
}
