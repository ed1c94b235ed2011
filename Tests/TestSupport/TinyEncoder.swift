import Compute

/// A BERT of two layers with random weights, to be written as a folder of Hugging Face's kind, without a tokenizer.
///
/// With `labelCount` it is a `BertForSequenceClassification`, with a pooler, a classifier and prefixed names; without,
/// a bare `BertModel`.
public struct TinyEncoder: Sendable {
    public var layerCount = 2
    public var width = 64
    public var headCount = 4
    public var feedForwardWidth = 128
    public var vocabularyCount = 60
    public var contextLength = 96
    public var labelCount: Int?
    public var seed: UInt64 = 1

    public init(labelCount: Int? = nil) {
        self.labelCount = labelCount
    }

    /// Writes `config.json` and `model.safetensors`.
    public func write(to directory: TemporaryDirectory) throws {
        try directory.write(Array(config.utf8), as: "config.json")
        try directory.write(weights, as: "model.safetensors")
    }

    private var config: String {
        let architecture = labelCount == nil ? "BertModel" : "BertForSequenceClassification"
        return """
            {"architectures":["\(architecture)"],"model_type":"bert","num_hidden_layers":\(layerCount),\
            "hidden_size":\(width),"intermediate_size":\(feedForwardWidth),"num_attention_heads":\(headCount),\
            "vocab_size":\(vocabularyCount),"max_position_embeddings":\(contextLength),"type_vocab_size":2,\
            "layer_norm_eps":1e-12,"hidden_act":"gelu"}
            """
    }

    private var weights: [UInt8] {
        var random = RandomWeights(seed: seed)
        var (entries, data): ([String], [UInt8]) = ([], [])
        func add(_ name: String, _ shape: [Int], _ bytes: [UInt8]) {
            let sizes = shape.map(String.init).joined(separator: ",")
            entries.append(
                #""\#(name)":{"dtype":"F32","shape":[\#(sizes)],"data_offsets":[\#(data.count),\#(data.count + bytes.count)]}"#
            )
            data += bytes
        }
        func matrix(_ name: String, _ rows: Int, _ width: Int) {
            let amplitude = (3 / Float(width)).squareRoot()
            add(name, [rows, width], random.data(.f32, count: rows * width, amplitude: amplitude))
        }
        func linear(_ name: String, _ rows: Int, _ width: Int) {
            matrix("\(name).weight", rows, width)
            add("\(name).bias", [rows], random.data(.f32, count: rows, amplitude: 0.1))
        }
        func norm(_ name: String) {
            add("\(name).weight", [width], random.norm(count: width, mean: 1))
            add("\(name).bias", [width], random.data(.f32, count: width, amplitude: 0.1))
        }
        let prefix = labelCount == nil ? "" : "bert."
        matrix("\(prefix)embeddings.word_embeddings.weight", vocabularyCount, width)
        matrix("\(prefix)embeddings.position_embeddings.weight", contextLength, width)
        matrix("\(prefix)embeddings.token_type_embeddings.weight", 2, width)
        norm("\(prefix)embeddings.LayerNorm")
        for layer in 0..<layerCount {
            let block = "\(prefix)encoder.layer.\(layer)"
            for name in ["self.query", "self.key", "self.value", "output.dense"] {
                linear("\(block).attention.\(name)", width, width)
            }
            norm("\(block).attention.output.LayerNorm")
            linear("\(block).intermediate.dense", feedForwardWidth, width)
            linear("\(block).output.dense", width, feedForwardWidth)
            norm("\(block).output.LayerNorm")
        }
        if let labelCount {
            linear("\(prefix)pooler.dense", width, width)
            linear("classifier", labelCount, width)
        }
        let header = Array("{\(entries.joined(separator: ","))}".utf8)
        return (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header + data
    }
}
