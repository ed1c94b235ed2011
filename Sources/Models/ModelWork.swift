import Compute

/// What the matrices of a model ask of the machine, whatever else its layers do.
public struct ModelWork: Sendable, Equatable {
    /// Multiply-adds of one column in all layers.
    public let layerMultiplyAdds: Int
    /// Multiply-adds of one column in the language-model head, for columns whose logits are wanted.
    public let headMultiplyAdds: Int
    /// Bytes of all weights as the kernels read them, once a step.
    public let weightBytes: Int
}

extension TransformerModel {
    public var work: ModelWork {
        let inLayers = weights.layers.flatMap(\.matrices)
        return ModelWork(
            layerMultiplyAdds: inLayers.reduce(0) { $0 + $1.rows * $1.width },
            headMultiplyAdds: weights.head.rows * weights.head.width,
            weightBytes: (inLayers + [weights.head]).reduce(0) { $0 + $1.packedBytes })
    }
}
