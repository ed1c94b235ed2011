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

    /// Gives every sequence the same first `tokens`, each in its own memory.
    mutating func fill(sequences: Int, tokens count: Int, chunk: Int) {
        prefill(of: sequences, count: count, position: 0, chunk: chunk)
        let each = model.kvGeometry.blockCount / sequences
        for sequence in 1..<max(1, sequences) {
            for block in 0..<Self.blocks(count) {
                model.copyBlock(
                    from: Int32(block), to: Int32(sequence * each + block), tokens: KVGeometry.blockTokens)
            }
        }
    }

    /// Computes `count` tokens of the first sequence; the last one of each chunk gets logits.
    mutating func prefill(of sequences: Int = 1, count: Int, position start: Int, chunk: Int) {
        let chunk = min(chunk, model.columnsMax)
        var done = 0
        while done < count {
            let columns = min(chunk, count - done)
            var batch = StepBatch()
            batch.tokens = (0..<columns).map { _ in tokens.next() }
            batch.slices = [slice(0, of: sequences, start: 0, count: columns, position: start + done)]
            batch.outputs = [.init(column: columns - 1)]
            _ = model.forward(batch)
            done += columns
        }
    }

    /// One token of every sequence.
    mutating func decode(batch sequences: Int, position: Int) {
        var batch = StepBatch()
        batch.tokens = (0..<sequences).map { _ in tokens.next() }
        batch.slices = (0..<sequences).map {
            slice($0, of: sequences, start: $0, count: 1, position: position)
        }
        batch.outputs = (0..<sequences).map { .init(column: $0) }
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
