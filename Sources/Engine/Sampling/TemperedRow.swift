import Models

/// A row at a temperature: each token weighs e^((logit - maximum) / temperature), at most 1, which is its
/// probability up to a common factor.
struct TemperedRow {
    let row: LogitRow
    /// The largest logit; finite.
    let maximum: Float
    /// One by the temperature.
    let scale: Float
    let scratch: SamplerScratch

    init(_ row: LogitRow, maximum: Float, temperature: Float, scratch: SamplerScratch) {
        self.row = row
        self.maximum = maximum
        scale = LogitRow.scale(temperature: temperature)
        self.scratch = scratch
    }

    /// Sums the weights of each segment into `scratch.segmentWeights`, and of the row.
    func weighSegments() -> Double {
        row.weighSegments(maximum: maximum, scale: scale, weights: scratch.segmentWeights)
    }

    /// Selects the tokens with at least this logit into `scratch.tokens`, rising, and their weights beside them.
    func select(least: Float) -> Int {
        weigh(row.select(least: least, tokens: scratch.tokens))
    }

    /// The token at which the running sum of the weights, by token, passes `uniform` of it all.
    ///
    /// - Parameters:
    ///   - uniform: 0 ..< 1.
    ///   - cut: the last token in rank order that may be drawn; nil when all may.
    func draw(uniform: Double, cut: RankKey?) -> Int {
        guard let cut else { return draw(uniform: uniform) }
        let count = weigh(dropTies(after: cut, of: row.select(least: cut.logit, tokens: scratch.tokens)))
        return draw(from: count, target: uniform * sum(count))
    }

    /// Finds the segment by the sums, and reads only that one.
    private func draw(uniform: Double) -> Int {
        var target = uniform * weighSegments()
        var last = 0
        for segment in 0..<row.segmentCount where scratch.segmentWeights[segment] > 0 {
            last = segment
            let weight = Double(scratch.segmentWeights[segment])
            if target < weight { break }
            target -= weight
        }
        let range = row.range(last)
        for (place, token) in range.enumerated() { scratch.tokens[place] = UInt32(token) }
        return draw(from: weigh(range.count), target: target)
    }

    /// Draws from the first selected tokens; the last possible one stands in when rounding leaves something of
    /// the target.
    private func draw(from count: Int, target: Double) -> Int {
        var target = target
        var last: Int?
        for place in 0..<count where scratch.weights[place] > 0 {
            last = place
            target -= Double(scratch.weights[place])
            if target < 0 { break }
        }
        return last.map { Int(scratch.tokens[$0]) } ?? row.first(of: maximum)
    }

    /// The sum of the selected tokens' weights.
    func sum(_ count: Int) -> Double {
        var total = 0.0
        for place in 0..<count { total += Double(scratch.weights[place]) }
        return total
    }

    /// Weighs the first selected tokens.
    private func weigh(_ count: Int) -> Int {
        for place in 0..<count { scratch.weights[place] = row.values[Int(scratch.tokens[place])] }
        row.weigh(scratch.weights, count, maximum: maximum, scale: scale, weights: scratch.weights)
        return count
    }

    /// Of the selected tokens with the cut's own logit, those behind it go.
    private func dropTies(after cut: RankKey, of count: Int) -> Int {
        var kept = 0
        for place in 0..<count {
            let token = scratch.tokens[place]
            scratch.tokens[kept] = token
            kept += cut < RankKey(logit: row.values[Int(token)], index: Int(token)) ? 0 : 1
        }
        return kept
    }
}
