import Compute
import Glibc
import ModelFiles
import Models

/// How far 8-bit activations turn a model from what it computes in high precision, on a fixed text.
struct BenchDivergence: Sendable {
    private(set) var positions = 0
    /// KL(high ‖ q8) of the next token's distribution, in nats; the mean over all positions.
    private(set) var mean = 0.0
    /// The fraction of positions where both prefer the same token.
    private(set) var sameGreedy = 0.0

    /// Tokens of a step: few, because each gets a row of logits from both models.
    private static let chunkTokens = 32

    init(_ path: String, threads: Int) throws {
        let tokenizer = try ModelLoader.tokenizer(of: ModelLoader.open(path), path)
        var options = ModelOptions(precision: .high, threads: threads, contextLength: 1024)
        options.columnsMax = Self.chunkTokens
        let exact = try LocalModel.load(path, options)
        options.precision = .q8
        let fast = try LocalModel.load(path, options)

        let tokens = tokenizer.encode(BenchText.text, addSpecial: true, parseSpecial: false)
        let limit = min(tokens.count, exact.contextLength)
        var same = 0
        for first in stride(from: 0, to: limit, by: Self.chunkTokens) {
            let batch = Self.step(tokens[first..<min(first + Self.chunkTokens, limit)], at: first)
            let (p, q) = (exact.forward(batch), fast.forward(batch))
            for row in 0..<batch.outputs.count {
                let (p, q) = (p[row].logits, q[row].logits)
                mean += Self.divergence(p, q)
                if Self.greatest(p) == Self.greatest(q) { same += 1 }
            }
            positions += batch.outputs.count
        }
        mean /= Double(max(1, positions))
        sameGreedy = Double(same) / Double(max(1, positions))
    }

    private static func step(_ tokens: ArraySlice<TokenID>, at position: Int) -> StepBatch {
        let blocks = (0..<KVGeometry.blockCount(positions: position + tokens.count)).map { Int32($0) }
        var batch = StepBatch()
        batch.tokens = Array(tokens)
        batch.slices = [
            .init(
                start: 0, count: tokens.count, position: position, blocks: blocks, windowBlocks: blocks)
        ]
        batch.outputs = (0..<tokens.count).map { .init(column: $0) }
        return batch
    }

    /// Σ p (ln p − ln q) over softmaxes of logits.
    private static func divergence(_ p: UnsafeBufferPointer<Float>, _ q: UnsafeBufferPointer<Float>) -> Double
    {
        let (pTotal, qTotal) = (logTotal(p), logTotal(q))
        var sum = 0.0
        for i in p.indices {
            let logP = Double(p[i]) - pTotal
            sum += exp(logP) * (logP - (Double(q[i]) - qTotal))
        }
        return sum
    }

    /// ln Σ exp
    private static func logTotal(_ logits: UnsafeBufferPointer<Float>) -> Double {
        let most = Double(logits.max() ?? 0)
        return most + log(logits.reduce(0.0) { $0 + exp(Double($1) - most) })
    }

    private static func greatest(_ logits: UnsafeBufferPointer<Float>) -> Int {
        logits.indices.max { logits[$0] < logits[$1] } ?? 0
    }
}
