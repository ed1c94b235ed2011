/// One look at a row of logits: its maximum, and that of each chunk of it.
///
/// The maxima of the chunks let later passes skip most of the row: the k-th largest of them is at
/// most the k-th largest logit.
struct LogitsScan {
    /// Logits of a chunk.
    static let chunkSize = 256

    static func chunkCount(_ count: Int) -> Int { (count + chunkSize - 1) / chunkSize }

    let logits: UnsafePointer<Float>
    let count: Int
    /// [chunk]
    let chunkMaxima: UnsafeMutablePointer<Float>
    /// -infinity when every token is masked.
    let maximum: Float

    var chunkCount: Int { Self.chunkCount(count) }

    /// Tokens of a chunk.
    func range(_ chunk: Int) -> Range<Int> {
        let start = chunk &* Self.chunkSize
        return start..<min(start &+ Self.chunkSize, count)
    }

    /// - Parameter chunkMaxima: room for `chunkCount(count)` values.
    /// - Throws: when a logit is NaN or +infinity; -infinity is a masked token.
    init(_ logits: UnsafePointer<Float>, count: Int, chunkMaxima: UnsafeMutablePointer<Float>)
        throws(SamplingError)
    {
        var maximum = -Float.infinity
        for chunk in 0..<Self.chunkCount(count) {
            let start = chunk &* Self.chunkSize
            let (chunkMaximum, isSound) = Self.maximum(logits + start, min(Self.chunkSize, count &- start))
            guard isSound else { throw .notANumber }
            chunkMaxima[chunk] = chunkMaximum
            maximum = max(maximum, chunkMaximum)
        }
        self.logits = logits
        self.count = count
        self.chunkMaxima = chunkMaxima
        self.maximum = maximum
    }

    /// The first token whose logit is the maximum.
    var argmax: Int {
        for chunk in 0..<chunkCount where chunkMaxima[chunk] == maximum {
            for token in range(chunk) where logits[token] == maximum { return token }
        }
        return 0
    }

    /// A lower bound of the k-th largest logit: -infinity when there are fewer chunks than k.
    ///
    /// - Parameter keys: scratch room for `chunkCount` keys.
    func lowerBound(ofLargest k: Int, keys: UnsafeMutablePointer<RankKey>) -> Float {
        guard k <= chunkCount else { return -.infinity }
        for chunk in 0..<chunkCount { keys[chunk] = RankKey(logit: chunkMaxima[chunk], index: chunk) }
        let buffer = UnsafeMutableBufferPointer(start: keys, count: chunkCount)
        return buffer.prefixEnd(reaching: Double(k)) { _ in 1 }.key.logit
    }

    private static func maximum(_ logits: UnsafePointer<Float>, _ count: Int) -> (Float, isSound: Bool) {
        var maxima = Lanes(repeating: -.infinity)
        var unsound = SIMDMask<SIMD8<Int32>>(repeating: false)
        let infinity = Lanes(repeating: .infinity)
        var i = 0
        while i &+ 8 <= count {
            let lanes = Lanes.load(logits, i)
            // swift-format-ignore: NoAssignmentInExpressions
            unsound = unsound .| .!(lanes .< infinity)
            maxima.replace(with: lanes, where: lanes .> maxima)
            i &+= 8
        }
        var maximum = maxima.max()
        var isSound = !any(unsound)
        while i < count {
            if !(logits[i] < .infinity) { isSound = false }
            if logits[i] > maximum { maximum = logits[i] }
            i &+= 1
        }
        return (maximum, isSound)
    }
}
