import ModelFiles
import Models

/// Feeds a model with steps, each sequence in blocks of its own.
struct BenchRunner {
    private let model: TransformerModel
    private var tokens: BenchTokens

    init(_ model: TransformerModel, tokens: BenchTokens) {
        self.model = model
        self.tokens = tokens
    }

    static func blocks(_ tokens: Int) -> Int {
        (tokens + KVGeometry.blockTokens - 1) / KVGeometry.blockTokens
    }

    /// - Parameter count: Tokens of the sequence; the last one of each chunk gets logits.
    mutating func prefill(sequence: Int, of sequences: Int, count: Int, chunk: Int) {
        let chunk = min(chunk, model.columnsMax)
        var position = 0
        while position < count {
            let columns = min(chunk, count - position)
            var batch = StepBatch()
            batch.tokens = (0..<columns).map { _ in tokens.next() }
            batch.slices = [slice(sequence, of: sequences, start: 0, count: columns, position: position)]
            batch.outputs = [columns - 1]
            _ = model.forward(batch)
            position += columns
        }
    }

    /// One token of every sequence.
    mutating func decode(batch sequences: Int, position: Int) {
        var batch = StepBatch()
        batch.tokens = (0..<sequences).map { _ in tokens.next() }
        batch.slices = (0..<sequences).map {
            slice($0, of: sequences, start: $0, count: 1, position: position)
        }
        batch.outputs = Array(0..<sequences)
        _ = model.forward(batch)
    }

    private func slice(_ sequence: Int, of sequences: Int, start: Int, count: Int, position: Int)
        -> StepBatch.Slice
    {
        let each = model.kvGeometry.blockCount / sequences
        let first = sequence * each
        let blocks = (first..<first + Self.blocks(position + count)).map { Int32($0) }
        return StepBatch.Slice(start: start, count: count, position: position, blocks: blocks)
    }
}
