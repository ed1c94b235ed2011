/// A row's probabilities up to a common factor: e^((logit - maximum) / temperature), at most 1.
struct TemperedWeights {
    let scan: LogitsScan
    /// [token]
    let weights: UnsafeMutablePointer<Float>
    /// [chunk]
    private let chunkSums: UnsafeMutablePointer<Double>
    let inverseTemperature: Float
    let total: Double

    /// Computes the weights of a row whose maximum is finite; the temperature is above 0.
    init(_ scan: LogitsScan, temperature: Float, scratch: SamplerScratch) {
        self.scan = scan
        weights = scratch.weights
        chunkSums = scratch.chunkSums
        inverseTemperature = min(1 / temperature, Float.greatestFiniteMagnitude)
        var total = 0.0
        for chunk in 0..<scan.chunkCount {
            let sum = Self.exponentials(
                of: scan, in: scan.range(chunk), scale: inverseTemperature, to: scratch.weights)
            scratch.chunkSums[chunk] = sum
            total += sum
        }
        self.total = total
    }

    /// The sum of e^(logit - maximum) over a row, without keeping the terms.
    static func total(_ scan: LogitsScan) -> Double {
        var total = 0.0
        for chunk in 0..<scan.chunkCount {
            total += exponentials(of: scan, in: scan.range(chunk), scale: 1, to: nil)
        }
        return total
    }

    /// The token at which the running sum of the weights, by token, passes `uniform` of it all.
    ///
    /// - Parameters:
    ///   - uniform: 0 ..< 1.
    ///   - cut: the last token in rank order that may be drawn; nil when all may.
    func draw(uniform: Double, cut: RankKey?) -> Int {
        let total = cut.map(keepOnly) ?? total
        var target = uniform * total
        var lastChunk = 0
        for chunk in 0..<scan.chunkCount where chunkSums[chunk] > 0 {
            lastChunk = chunk
            if target < chunkSums[chunk] { break }
            target -= chunkSums[chunk]
        }
        return draw(from: lastChunk, target: target, cut: cut)
    }

    /// The chunk's last token stands in when rounding leaves something of the target.
    private func draw(from chunk: Int, target: Double, cut: RankKey?) -> Int {
        var target = target
        var last = scan.argmax
        for token in scan.range(chunk) where weights[token] > 0 {
            if let cut, cut < RankKey(logit: scan.logits[token], index: token) { continue }
            last = token
            target -= Double(weights[token])
            if target < 0 { break }
        }
        return last
    }

    /// Sums each chunk again, over the tokens up to the cut only.
    private func keepOnly(_ cut: RankKey) -> Double {
        var total = 0.0
        for chunk in 0..<scan.chunkCount {
            let sum = scan.chunkMaxima[chunk] < cut.logit ? 0 : sum(of: scan.range(chunk), upTo: cut)
            chunkSums[chunk] = sum
            total += sum
        }
        return total
    }

    private func sum(of range: Range<Int>, upTo cut: RankKey) -> Double {
        let logit = Lanes(repeating: cut.logit)
        // Tokens with the cut's own logit stay if they stand at or before it.
        let allTied = range.upperBound <= cut.index &+ 1
        let mixedTies = !allTied && range.lowerBound <= cut.index
        var sums = Lanes(repeating: 0)
        var i = range.lowerBound
        while !mixedTies, i &+ 8 <= range.upperBound {
            let lanes = Lanes.load(scan.logits, i)
            let kept = allTied ? lanes .>= logit : lanes .> logit
            sums += Lanes(repeating: 0).replacing(with: Lanes.load(weights, i), where: kept)
            i &+= 8
        }
        var sum = Double(sums.sum())
        while i < range.upperBound {
            if !(cut < RankKey(logit: scan.logits[i], index: i)) { sum += Double(weights[i]) }
            i &+= 1
        }
        return sum
    }

    /// Sums are in 8 lanes of at most 32 terms, then in double precision: rounding stays below 3e-6
    /// of a chunk's sum.
    private static func exponentials(
        of scan: LogitsScan, in range: Range<Int>, scale: Float, to weights: UnsafeMutablePointer<Float>?
    ) -> Double {
        var sums = Lanes(repeating: 0)
        var i = range.lowerBound
        while i &+ 8 <= range.upperBound {
            let lanes = ((Lanes.load(scan.logits, i) - scan.maximum) * scale).exponential()
            if let weights { lanes.store(weights, i) }
            sums += lanes
            i &+= 8
        }
        var sum = Double(sums.sum())
        while i < range.upperBound {
            let one = Lanes(repeating: (scan.logits[i] - scan.maximum) * scale).exponential()[0]
            weights?[i] = one
            sum += Double(one)
            i &+= 1
        }
        return sum
    }
}
