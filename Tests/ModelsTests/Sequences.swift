import Glibc
import ModelFiles
import Models

/// One sequence on a model of its own, without an engine.
final class SingleSequence {
    let model: TransformerModel
    private(set) var position = 0
    private let blocks: [Int32]
    private let windowBlocks: [Int32]

    /// - Parameter windowRing: the blocks of the window group are so many, used again and again.
    init(_ model: TransformerModel, firstBlock: Int = 0, windowRing: Int = .max) {
        self.model = model
        let count = min(model.kvGeometry.blockCount - firstBlock, (model.contextLength + 31) / 32)
        blocks = (0..<count).map { Int32(firstBlock + $0) }
        windowBlocks = (0..<count).map { Int32(firstBlock + $0 % windowRing) }
    }

    /// Runs tokens in chunks; the logits of the wanted columns (all, or the last), [output][vocabulary].
    func run(_ tokens: [TokenID], chunk: Int = 512, all: Bool = false) -> [[Float]] {
        var logits: [[Float]] = []
        for first in stride(from: 0, to: tokens.count, by: chunk) {
            let part = Array(tokens[first..<min(first + chunk, tokens.count)])
            var batch = StepBatch()
            batch.tokens = part
            batch.slices = [
                .init(
                    start: 0, count: part.count, position: position, blocks: blocks,
                    windowBlocks: windowBlocks)
            ]
            let last = first + part.count == tokens.count
            batch.outputs =
                (all ? Array(0..<part.count) : last ? [part.count - 1] : []).map { .init(column: $0) }
            logits += model.forward(batch).rows
            position += part.count
        }
        return logits
    }
}

extension Logits {
    var rows: [[Float]] {
        (0..<count).map { Array(self[$0].logits) }
    }
}

/// Natural-log probabilities of a row of logits, in double precision.
func logSoftmax(_ logits: [Float]) -> [Double] {
    let most = Double(logits.max() ?? 0)
    let total = log(logits.reduce(0.0) { $0 + exp(Double($1) - most) })
    return logits.map { Double($0) - most - total }
}

/// Of two rows.
func cosine(_ a: [Float], _ b: [Float]) -> Double {
    func dot(_ a: [Float], _ b: [Float]) -> Double {
        zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    return dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
}

/// Where the large models are, as for the program itself.
func modelPath(_ name: String) -> String? {
    let home = getenv("HOME").map { String(cString: $0) } ?? "/root"
    let directory = getenv("APUS_MODELS").map { String(cString: $0) } ?? home + "/.cache/apus/models"
    let path = directory + "/" + name
    return access(path, R_OK) == 0 ? path : nil
}
