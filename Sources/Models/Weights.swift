import Compute
import ModelFiles

/// All weights of a model. Made quickly from the file's headers; `pack` does the work.
final class Weights {
    let embedding: Matrix
    let layers: [Layer]
    let outputNorm: Norm
    /// The language-model head; where the file has none, the embedding's weights, packed.
    let head: Matrix
    /// Divisors of the RoPE frequencies, where the file has them.
    let ropeFactors: Buffer<Float>?
    /// Packed weights, when `pack` has run.
    private var arena: Arena?

    init(_ file: GGUFFile, _ shape: ModelShape) throws(ModelFileError) {
        let source = TensorSource(file)
        embedding = try source.matrix("token_embd.weight", rows: shape.vocabularyCount, width: shape.width)
        var layers: [Layer] = []
        for index in 0..<shape.layerCount { layers.append(try Layer(index, shape, source)) }
        self.layers = layers
        outputNorm = try source.norm("output_norm.weight", shape.width)
        head = try source.matrix(
            source.has("output.weight") ? "output.weight" : "token_embd.weight", rows: shape.vocabularyCount,
            width: shape.width)
        ropeFactors = try source.optionalVector("rope_freqs.weight", shape.ropeDim / 2)
        try Self.refuseUnused(file, source.taken)
    }

    /// A tensor that nobody asked for means that the file is of another kind than it says: running it without
    /// would give wrong answers.
    private static func refuseUnused(_ file: GGUFFile, _ taken: Set<String>) throws(ModelFileError) {
        for tensor in file.tensors where !taken.contains(tensor.name) {
            throw ModelFileError(
                path: file.path, field: "tensor \(tensor.name)",
                reason: "this architecture has no use for it here")
        }
    }

    private var packed: [Matrix] { layers.flatMap(\.matrices) + [head] }

    var packedBytes: Int { PackedMatrices.byteCount(packed) }

    /// Repacks every matrix for the kernels, on all threads. `progress` gets fractions of the whole, on the
    /// calling thread.
    func pack(_ pool: ThreadPool, progress: (Double) -> Void) throws(ModelError) {
        arena = try PackedMatrices.pack(packed, pool, progress: progress)
    }
}
