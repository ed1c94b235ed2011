import Compute
import ModelFiles

/// A matrix with what is added to its product.
final class Linear {
    let matrix: Matrix
    let bias: Buffer<Float>  // [rows]

    init(_ matrix: Matrix, _ bias: Buffer<Float>) {
        self.matrix = matrix
        self.bias = bias
    }
}

/// The weights of a LayerNorm, in f32.
final class LayerNorm {
    let weight: Buffer<Float>
    let bias: Buffer<Float>

    init(_ weight: Buffer<Float>, _ bias: Buffer<Float>) {
        self.weight = weight
        self.bias = bias
    }
}

/// The weights of one layer of BERT (arXiv:1810.04805): norms stand behind the residuals.
final class EncoderLayer {
    let query: Linear
    let key: Linear
    let value: Linear
    let output: Linear
    let attentionNorm: LayerNorm
    let up: Linear
    let down: Linear
    let outputNorm: LayerNorm

    init(_ index: Int, _ shape: EncoderShape, _ source: EncoderTensors) throws(ModelFileError) {
        let prefix = "encoder.layer.\(index)"
        let (width, wide) = (shape.width, shape.feedForwardWidth)
        query = try source.linear("\(prefix).attention.self.query", rows: width, width: width)
        key = try source.linear("\(prefix).attention.self.key", rows: width, width: width)
        value = try source.linear("\(prefix).attention.self.value", rows: width, width: width)
        output = try source.linear("\(prefix).attention.output.dense", rows: width, width: width)
        attentionNorm = try source.norm("\(prefix).attention.output.LayerNorm", width)
        up = try source.linear("\(prefix).intermediate.dense", rows: wide, width: width)
        down = try source.linear("\(prefix).output.dense", rows: width, width: wide)
        outputNorm = try source.norm("\(prefix).output.LayerNorm", width)
    }

    var matrices: [Matrix] { [query, key, value, output, up, down].map(\.matrix) }
}

/// All weights of an encoder. Made quickly from the file's header; `pack` does the work.
final class EncoderWeights {
    let words: Matrix
    /// Each position's embedding, with that of the first token type. [contextLength][width]
    let positions: Buffer<Float>
    let embeddingNorm: LayerNorm
    let layers: [EncoderLayer]
    private var arena: Arena?

    init(_ file: SafetensorsFile, _ shape: EncoderShape) throws(ModelFileError) {
        let source = EncoderTensors(file)
        let width = shape.width
        words = try source.matrix(
            "embeddings.word_embeddings.weight", rows: shape.vocabularyCount, width: width)
        let places = try source.matrix(
            "embeddings.position_embeddings.weight", rows: shape.contextLength, width: width)
        let types = try source.matrix(
            "embeddings.token_type_embeddings.weight", rows: shape.typeCount, width: width)
        embeddingNorm = try source.norm("embeddings.LayerNorm", width)
        var layers: [EncoderLayer] = []
        for index in 0..<shape.layerCount { layers.append(try EncoderLayer(index, shape, source)) }
        self.layers = layers
        positions = Buffer(shape.contextLength * width)
        let type = Buffer<Float>(width)
        types.row(0, to: type.pointer)
        for position in 0..<shape.contextLength {
            let row = positions.pointer + position * width
            places.row(position, to: row)
            for index in 0..<width { row[index] += type.pointer[index] }
        }
        try source.refuseUnused()
    }

    private var packed: [Matrix] { layers.flatMap(\.matrices) }

    var packedBytes: Int { PackedMatrices.byteCount(packed) }

    func pack(_ pool: ThreadPool) throws(ModelError) {
        arena = try PackedMatrices.pack(packed, pool)
    }
}

/// Takes tensors out of an encoder's file and remembers which were taken.
final class EncoderTensors {
    private let file: SafetensorsFile
    private let prefix: String
    private var taken: Set<String> = []

    /// Parts of a checkpoint that embeddings do without: heads of what it was trained with.
    private static let heads = ["pooler.", "cls.", "classifier."]

    init(_ file: SafetensorsFile) {
        self.file = file
        prefix = file.tensor("bert.embeddings.word_embeddings.weight") == nil ? "" : "bert."
    }

    /// A matrix of [rows][width], not packed yet.
    func matrix(_ name: String, rows: Int, width: Int) throws(ModelFileError) -> Matrix {
        let name = prefix + name
        guard let tensor = file.tensor(name) else { throw error(name, "missing") }
        let shape = rows == 1 && tensor.shape.count == 1 ? [width] : [width, rows]
        guard tensor.shape == shape else {
            throw error(
                name,
                "shape \(tensor.shape.reversed()), where the configuration calls for \(shape.reversed())")
        }
        guard let base = file.bytes(of: tensor).baseAddress else { throw error(name, "empty") }
        taken.insert(name)
        return Matrix(type: tensor.type, rows: rows, width: width, source: base)
    }

    func linear(_ name: String, rows: Int, width: Int) throws(ModelFileError) -> Linear {
        Linear(
            try matrix("\(name).weight", rows: rows, width: width), try vector("\(name).bias", rows))
    }

    func norm(_ name: String, _ count: Int) throws(ModelFileError) -> LayerNorm {
        LayerNorm(try vector("\(name).weight", count), try vector("\(name).bias", count))
    }

    private func vector(_ name: String, _ count: Int) throws(ModelFileError) -> Buffer<Float> {
        let buffer = Buffer<Float>(count)
        try matrix(name, rows: 1, width: count).row(0, to: buffer.pointer)
        return buffer
    }

    /// A tensor that nobody asked for means that the model is of another kind than it says.
    func refuseUnused() throws(ModelFileError) {
        for tensor in file.tensors where !taken.contains(tensor.name) {
            let name =
                tensor.name.hasPrefix(prefix) ? String(tensor.name.dropFirst(prefix.count)) : tensor.name
            guard Self.heads.contains(where: { name.hasPrefix($0) || tensor.name.hasPrefix($0) }) else {
                throw error(tensor.name, "this architecture has no use for it here")
            }
        }
    }

    private func error(_ name: String, _ reason: String) -> ModelFileError {
        ModelFileError(path: file.path, field: "tensor \(name)", reason: reason)
    }
}
