import Compute
import ModelFiles

/// The weights of one decoder layer and what is particular to it.
final class Layer {
    let attentionNorm: Norm
    let query: Matrix
    let key: Matrix
    let value: Matrix
    let queryNorm: Norm?
    let keyNorm: Norm?
    let output: Matrix
    let outputNorm: Norm?
    let feedForwardNorm: Norm
    let gate: Matrix
    let up: Matrix
    let down: Matrix
    let downNorm: Norm?
    /// Which RoPE table its heads use: 0 full, 1 sliding.
    let rope: Int
    /// Positions that it sees, 0 for all.
    let window: Int
    /// Whose blocks have its keys and values, and where in them: the layers of a group stand by rising index.
    let kvGroup: KVGroup
    let kvPlace: Int

    init(_ index: Int, _ shape: ModelShape, _ file: TensorSource) throws(ModelFileError) {
        let prefix = "blk.\(index)"
        let width = shape.width
        attentionNorm = try file.norm("\(prefix).attn_norm.weight", width)
        query = try file.matrix("\(prefix).attn_q.weight", rows: shape.queryWidth, width: width)
        key = try file.matrix("\(prefix).attn_k.weight", rows: shape.kvWidth, width: width)
        value = try file.matrix("\(prefix).attn_v.weight", rows: shape.kvWidth, width: width)
        output = try file.matrix("\(prefix).attn_output.weight", rows: width, width: shape.queryWidth)
        feedForwardNorm = try file.norm("\(prefix).ffn_norm.weight", width)
        gate = try file.matrix("\(prefix).ffn_gate.weight", rows: shape.feedForwardWidth, width: width)
        up = try file.matrix("\(prefix).ffn_up.weight", rows: shape.feedForwardWidth, width: width)
        down = try file.matrix("\(prefix).ffn_down.weight", rows: width, width: shape.feedForwardWidth)
        let perHead = shape.architecture.normalizesQueriesAndKeys
        queryNorm = perHead ? try file.norm("\(prefix).attn_q_norm.weight", shape.headDim) : nil
        keyNorm = perHead ? try file.norm("\(prefix).attn_k_norm.weight", shape.headDim) : nil
        let after = shape.architecture.normalizesOutputs
        outputNorm = after ? try file.norm("\(prefix).post_attention_norm.weight", width) : nil
        downNorm = after ? try file.norm("\(prefix).post_ffw_norm.weight", width) : nil
        let slides = shape.slides(layer: index)
        rope = slides ? 1 : 0
        window = slides ? shape.slidingWindow ?? 0 : 0
        kvGroup = shape.kvGroup(layer: index)
        kvPlace = shape.kvLayerCount(kvGroup, before: index)
    }

    var matrices: [Matrix] { [query, key, value, output, gate, up, down] }
}

/// The weights of an RMSNorm, in f32.
final class Norm {
    let weights: Buffer<Float>

    init(_ weights: Buffer<Float>) { self.weights = weights }
}

/// Takes tensors out of a model file and remembers which were taken.
final class TensorSource {
    private let file: GGUFFile
    private(set) var taken: Set<String> = []

    init(_ file: GGUFFile) { self.file = file }

    /// A matrix of [rows][width], not packed yet.
    func matrix(_ name: String, rows: Int, width: Int) throws(ModelFileError) -> Matrix {
        let tensor = try file.tensor(name, shape: [width, rows])
        taken.insert(name)
        guard let base = file.bytes(of: tensor).baseAddress else {
            throw ModelFileError(path: file.path, field: "tensor \(name)", reason: "empty")
        }
        return Matrix(type: tensor.type, rows: rows, width: width, source: base)
    }

    func norm(_ name: String, _ count: Int) throws(ModelFileError) -> Norm {
        let vector = try matrix(name, rows: 1, width: count)
        let weights = Buffer<Float>(count)
        vector.row(0, to: weights.pointer)
        return Norm(weights)
    }

    /// A vector that the model may lack, in f32.
    func optionalVector(_ name: String, _ count: Int) throws(ModelFileError) -> Buffer<Float>? {
        try file.optionalTensor(name, shape: [count]) == nil ? nil : norm(name, count).weights
    }

    func has(_ name: String) -> Bool { file.tensor(name) != nil }
}
