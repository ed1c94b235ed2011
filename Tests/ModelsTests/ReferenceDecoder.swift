import Compute
import Glibc
import ModelFiles

@testable import Models

/// A decoder in plain loops and double precision, over the dequantised weights of a file.
struct ReferenceDecoder {
    private let shape: ModelShape
    private let weights: Weights
    private let file: GGUFFile  // the weights are read from its mapping

    init(_ file: GGUFFile) throws {
        self.file = file
        shape = try ModelShape(file)
        weights = try Weights(file, shape)
    }

    /// The residual stream behind the last layer, normalised. [token][width]
    func states(_ tokens: [TokenID]) -> [[Double]] {
        var streams = tokens.map { row(weights.embedding, Int($0)) }
        if shape.architecture.scalesEmbeddings {
            streams = streams.map { $0.map { $0 * Double(shape.width).squareRoot() } }
        }
        for layer in weights.layers {
            let attended = attend(layer, streams.map { norm($0, layer.attentionNorm) })
            streams = zip(streams, attended).map { stream, attended in
                add(stream, product(layer.output, attended), layer.outputNorm)
            }
            streams = streams.map { stream in
                let input = norm(stream, layer.feedForwardNorm)
                let (gate, up) = (product(layer.gate, input), product(layer.up, input))
                return add(
                    stream, product(layer.down, zip(gate, up).map { activated($0) * $1 }), layer.downNorm)
            }
        }
        return streams.map { norm($0, weights.outputNorm) }
    }

    /// [token][queryWidth]
    private func attend(_ layer: Layer, _ inputs: [[Double]]) -> [[Double]] {
        let dim = shape.headDim
        func heads(_ matrix: Matrix, _ count: Int, _ headNorm: Norm?, turned: Bool) -> [[[Double]]] {
            inputs.enumerated().map { position, input in
                let all = product(matrix, input)
                return (0..<count).map { head in
                    var values = Array(all[head * dim..<(head + 1) * dim])
                    if let headNorm { values = norm(values, headNorm) }
                    return turned ? turn(values, position, layer.rope) : values
                }
            }
        }
        let queries = heads(layer.query, shape.headCount, layer.queryNorm, turned: true)
        let keys = heads(layer.key, shape.kvHeadCount, layer.keyNorm, turned: true)
        let values = heads(layer.value, shape.kvHeadCount, nil, turned: false)
        return inputs.indices.map { position in
            let first = layer.window > 0 ? max(0, position - layer.window + 1) : 0
            return (0..<shape.headCount).flatMap { head -> [Double] in
                let kv = head * shape.kvHeadCount / shape.headCount
                let scores = (first...position).map {
                    dot(queries[position][head], keys[$0][kv]) / Double(dim).squareRoot()
                }
                let most = scores.max() ?? 0
                let weights = scores.map { exp($0 - most) }
                let total = weights.reduce(0, +)
                return (0..<dim).map { index in
                    zip(weights, first...position).reduce(0) { $0 + $1.0 * values[$1.1][kv][index] } / total
                }
            }
        }
    }

    private func turn(_ head: [Double], _ position: Int, _ rope: Int) -> [Double] {
        var turned = head
        let half = shape.ropeDim / 2
        for index in 0..<half {
            let frequency = pow(shape.ropeBases[rope], -Double(index) / Double(half))
            let angle = Double(position) * frequency / shape.ropeStretch[rope]
            let (a, b) =
                switch shape.architecture.ropeOrder {
                case .pairs: (2 * index, 2 * index + 1)
                case .halves: (index, index + half)
                }
            turned[a] = head[a] * cos(angle) - head[b] * sin(angle)
            turned[b] = head[a] * sin(angle) + head[b] * cos(angle)
        }
        return turned
    }

    private func activated(_ x: Double) -> Double {
        switch shape.architecture.activation {
        case .silu: x / (1 + exp(-x))
        case .gelu: x / 2 * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        }
    }

    private func add(_ stream: [Double], _ added: [Double], _ after: Norm?) -> [Double] {
        zip(stream, after.map { norm(added, $0) } ?? added).map(+)
    }

    private func norm(_ row: [Double], _ norm: Norm) -> [Double] {
        let scale = 1 / (dot(row, row) / Double(row.count) + Double(shape.normEpsilon)).squareRoot()
        return row.indices.map { row[$0] * scale * Double(norm.weights.pointer[$0]) }
    }

    private func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

    private func row(_ matrix: Matrix, _ index: Int) -> [Double] {
        var row = [Float](repeating: 0, count: matrix.width)
        row.withUnsafeMutableBufferPointer { rows in
            if let base = rows.baseAddress { matrix.row(index, to: base) }
        }
        return row.map(Double.init)
    }

    private func product(_ matrix: Matrix, _ input: [Double]) -> [Double] {
        (0..<matrix.rows).map { dot(row(matrix, $0), input) }
    }
}
