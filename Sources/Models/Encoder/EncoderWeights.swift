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

/// What makes one score of a pair's first state (`BertForSequenceClassification` with one label):
/// classifier(tanh(pooler(state))).
final class ScoreHead {
    let pooler: Linear
    /// The classifier's. [width], [1]
    let weights: Buffer<Float>
    let bias: Buffer<Float>

    init(_ source: EncoderTensors, width: Int) throws(ModelFileError) {
        pooler = try source.linear("pooler.dense", rows: width, width: width)
        weights = try source.headVector("classifier.weight", width)
        bias = try source.headVector("classifier.bias", 1)
    }
}

/// All weights of an encoder. Made quickly from the file's header; `pack` does the work.
final class EncoderWeights {
    let words: Matrix
    /// Each position's embedding, with that of the token type. [type, 2 at most][contextLength][width]
    let positions: [Buffer<Float>]
    let embeddingNorm: LayerNorm
    let layers: [EncoderLayer]
    /// Nil when the model does not score pairs.
    let scoreHead: ScoreHead?
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
        positions = (0..<min(shape.typeCount, 2)).map { type in
            Self.sum(places, types, type: type, count: shape.contextLength)
        }
        scoreHead = source.scoresPairs(width: width) ? try ScoreHead(source, width: width) : nil
        try source.refuseUnused()
    }

    /// [count][width]
    private static func sum(_ places: Matrix, _ types: Matrix, type: Int, count: Int) -> Buffer<Float> {
        let width = places.width
        let sums = Buffer<Float>(count * width)
        let typeRow = Buffer<Float>(width)
        types.row(type, to: typeRow.pointer)
        for position in 0..<count {
            let row = sums.pointer + position * width
            places.row(position, to: row)
            for index in 0..<width { row[index] += typeRow.pointer[index] }
        }
        return sums
    }

    private var packed: [Matrix] {
        layers.flatMap(\.matrices) + (scoreHead.map { [$0.pooler.matrix] } ?? [])
    }

    /// Bytes that they take beside the file, once they are packed.
    var byteCount: Int {
        PackedMatrices.byteCount(packed)
            + positions.reduce(0) { $0 + $1.count * MemoryLayout<Float>.stride }
    }

    func pack(_ pool: ThreadPool) throws(ModelError) {
        arena = try PackedMatrices.pack(packed, pool)
    }
}

/// Takes tensors out of an encoder's file and remembers which were taken.
final class EncoderTensors {
    private let file: SafetensorsFile
    private let prefix: String
    private var taken: Set<String> = []

    /// Parts of a checkpoint that need not be of use: heads of what it was trained with.
    private static let heads = ["pooler.", "cls.", "classifier."]

    init(_ file: SafetensorsFile) {
        self.file = file
        prefix = file.tensor("bert.embeddings.word_embeddings.weight") == nil ? "" : "bert."
    }

    /// A matrix of [rows][width], not packed yet.
    func matrix(_ name: String, rows: Int, width: Int) throws(ModelFileError) -> Matrix {
        try tensor(prefix + name, rows: rows, width: width)
    }

    private func tensor(_ name: String, rows: Int, width: Int) throws(ModelFileError) -> Matrix {
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
            try matrix("\(name).weight", rows: rows, width: width),
            vector(try matrix("\(name).bias", rows: 1, width: rows)))
    }

    /// A head's, whose name has no prefix.
    func headVector(_ name: String, _ count: Int) throws(ModelFileError) -> Buffer<Float> {
        vector(try tensor(name, rows: 1, width: count))
    }

    /// Whether there is a head that gives one score; those with several labels are left out.
    func scoresPairs(width: Int) -> Bool { file.tensor("classifier.weight")?.shape == [width, 1] }

    func norm(_ name: String, _ count: Int) throws(ModelFileError) -> LayerNorm {
        LayerNorm(
            vector(try matrix("\(name).weight", rows: 1, width: count)),
            vector(try matrix("\(name).bias", rows: 1, width: count)))
    }

    private func vector(_ matrix: Matrix) -> Buffer<Float> {
        let buffer = Buffer<Float>(matrix.width)
        matrix.row(0, to: buffer.pointer)
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
