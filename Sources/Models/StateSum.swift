import Compute

/// The sum of the states of some tokens of one sequence, of which pooling makes an embedding.
///
/// A state is what the head would take of a column: the residual stream behind the last layer, normalised. A step adds
/// the states of its columns one after the other, so the sum is the same to the bit however the tokens were cut into
/// steps. Belongs to the model's thread; in a step each thread adds a part of the width.
public final class StateSum {
    /// Numbers of a state.
    public let width: Int
    private let buffer: Buffer<Float>

    /// Nothing, to begin with.
    public init(width: Int) {
        self.width = width
        buffer = Buffer(width)
    }

    /// [width]
    public var values: UnsafeMutablePointer<Float> { buffer.pointer }
}
