import Models

/// What a request that embeds has of its prompt's states so far.
///
/// Confined to the engine's thread; the model adds to the sum in its steps.
final class PromptPooling {
    /// The states of the prompt's tokens that are pooled. They are summed by rising position, each once: what is read
    /// again after a pause is not added again.
    private let positions: Range<Int>
    private var summedEnd: Int
    private let promptCount: Int
    let sum: StateSum

    /// - Parameter width: numbers of a state.
    init(_ pooling: Pooling, promptCount: Int, width: Int) {
        positions = pooling.positions(of: promptCount)
        summedEnd = positions.lowerBound
        self.promptCount = promptCount
        sum = StateSum(width: width)
    }

    /// Whether it needs more than the prompt's last state: then what the prefix cache has is computed all the same.
    var needsEarlierStates: Bool { positions.lowerBound < promptCount - 1 }

    /// Positions among these whose states are still to be added.
    func missing(in range: Range<Int>) -> Range<Int> {
        range.clamped(to: summedEnd..<positions.upperBound)
    }

    /// The model has added the states of these positions.
    func added(_ range: Range<Int>) {
        if !range.isEmpty { summedEnd = range.upperBound }
    }

    /// The mean of the states, not normalised; nil when one of its numbers is none. [width]
    var embedding: [Float]? {
        let scale = 1 / Float(positions.count)
        let embedding = (0..<sum.width).map { sum.values[$0] * scale }
        return embedding.allSatisfy(\.isFinite) ? embedding : nil
    }
}
