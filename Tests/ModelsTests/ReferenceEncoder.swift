import Glibc
import ModelFiles

/// BERT in plain loops and double precision, over a safetensors file of F32: the formulas of `transformers`'
/// `BertModel` and `BertForSequenceClassification`.
struct ReferenceEncoder {
    private let file: SafetensorsFile
    private let prefix: String
    private let headCount: Int

    init(_ folder: ModelFolder, headCount: Int) throws {
        file = try folder.weights()
        prefix = file.tensor("bert.embeddings.word_embeddings.weight") == nil ? "" : "bert."
        self.headCount = headCount
    }

    /// The last layer's states. [token][width]
    func states(_ tokens: [TokenID], secondStart: Int? = nil) -> [[Double]] {
        let words = values("embeddings.word_embeddings.weight")
        let places = values("embeddings.position_embeddings.weight")
        let types = values("embeddings.token_type_embeddings.weight")
        let width = values("embeddings.LayerNorm.weight").count
        var states = tokens.enumerated().map { position, token in
            let type = secondStart.map { position >= $0 ? 1 : 0 } ?? 0
            let sum = (0..<width).map {
                words[Int(token) * width + $0] + places[position * width + $0] + types[type * width + $0]
            }
            return norm(sum, "embeddings.LayerNorm")
        }
        var layer = 0
        while file.tensor("\(prefix)encoder.layer.\(layer).output.dense.weight") != nil {
            let block = "encoder.layer.\(layer)"
            let attended = attend(states, "\(block).attention.self")
            states = zip(states, attended).map { state, attended in
                let added = zip(state, linear(attended, "\(block).attention.output.dense")).map(+)
                let middle = norm(added, "\(block).attention.output.LayerNorm")
                let hidden = linear(middle, "\(block).intermediate.dense").map {
                    $0 / 2 * (1 + erf($0 / 2.0.squareRoot()))
                }
                let sum = zip(middle, linear(hidden, "\(block).output.dense")).map(+)
                return norm(sum, "\(block).output.LayerNorm")
            }
            layer += 1
        }
        return states
    }

    /// classifier(tanh(pooler(first state)))
    func score(_ tokens: [TokenID], secondStart: Int) -> Double {
        let pooled = linear(states(tokens, secondStart: secondStart)[0], "pooler.dense").map(tanh)
        return dot(pooled[...], values("classifier.weight", isHead: true)[...])
            + values("classifier.bias", isHead: true)[0]
    }

    private func attend(_ states: [[Double]], _ name: String) -> [[Double]] {
        let queries = states.map { linear($0, "\(name).query") }
        let keys = states.map { linear($0, "\(name).key") }
        let values = states.map { linear($0, "\(name).value") }
        let dim = states[0].count / headCount
        return queries.map { query in
            (0..<headCount).flatMap { head -> [Double] in
                let part = head * dim..<(head + 1) * dim
                let scores = keys.map { dot(query[part], $0[part]) / Double(dim).squareRoot() }
                let most = scores.max() ?? 0
                let weights = scores.map { exp($0 - most) }
                let total = weights.reduce(0, +)
                return part.map { index in
                    zip(weights, values).reduce(0) { $0 + $1.0 * $1.1[index] } / total
                }
            }
        }
    }

    private func linear(_ input: [Double], _ name: String) -> [Double] {
        let (weights, bias) = (values("\(name).weight"), values("\(name).bias"))
        return bias.indices.map {
            dot(weights[$0 * input.count..<($0 + 1) * input.count], input[...]) + bias[$0]
        }
    }

    private func norm(_ row: [Double], _ name: String) -> [Double] {
        let (weights, bias) = (values("\(name).weight"), values("\(name).bias"))
        let mean = row.reduce(0, +) / Double(row.count)
        let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
        return row.indices.map { (row[$0] - mean) / (variance + 1e-12).squareRoot() * weights[$0] + bias[$0] }
    }

    private func dot(_ a: ArraySlice<Double>, _ b: ArraySlice<Double>) -> Double {
        zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
    }

    private func values(_ name: String, isHead: Bool = false) -> [Double] {
        guard let tensor = file.tensor(isHead ? name : prefix + name) else { return [] }
        let bytes = file.bytes(of: tensor)
        return (0..<bytes.count / 4).map {
            Double(bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self))
        }
    }
}
