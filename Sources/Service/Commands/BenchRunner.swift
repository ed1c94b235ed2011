import ModelFiles
import Models

/// Feeds a model with steps, each sequence in blocks of its own.
///
/// Where the model has a window group, the blocks of a sequence there are a ring: enough for its window and a step.
struct BenchRunner {
    private let model: TransformerModel
    private var tokens: BenchTokens

    init(_ model: TransformerModel, tokens: BenchTokens) {
        self.model = model
        self.tokens = tokens
    }

    /// Whether so many sequences of this length fit in the memory of the model.
    static func fits(_ model: TransformerModel, sequences: Int, tokens: Int) -> Bool {
        let kv = model.kvGeometry
        let blocks = KVGeometry.blockCount(positions: tokens)
        let each = blocks * kv.bytesPerBlock + min(blocks, ring(model)) * kv.bytesPerBlock(of: .window)
        return sequences * each <= kv.budgetBytes
    }

    private static func ring(_ model: TransformerModel) -> Int {
        guard let window = model.kvGeometry.window else { return 0 }
        return window.blocksMax + KVGeometry.blockCount(positions: model.columnsMax)
    }

    /// Gives every sequence the same first `tokens`, each in its own memory.
    mutating func fill(sequences: Int, tokens count: Int, chunk: Int) {
        prefill(of: sequences, count: count, position: 0, chunk: chunk)
        let first = slice(0, of: sequences, start: 0, count: count, position: 0)
        for sequence in 1..<max(1, sequences) {
            let other = slice(sequence, of: sequences, start: 0, count: count, position: 0)
            for (source, destination) in zip(first.blocks, other.blocks) {
                model.copyBlock(.full, from: source, to: destination, tokens: KVGeometry.blockTokens)
            }
            for (source, destination) in zip(first.windowBlocks, other.windowBlocks).suffix(Self.ring(model))
            {
                model.copyBlock(.window, from: source, to: destination, tokens: KVGeometry.blockTokens)
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
        let blocks = KVGeometry.blockCount(positions: position + count)
        let each = model.kvGeometry.blockCount / sequences
        let ring = Self.ring(model)
        return StepBatch.Slice(
            start: start, count: count, position: position,
            blocks: (0..<blocks).map { Int32(sequence * each + $0) },
            windowBlocks: ring == 0 ? [] : (0..<blocks).map { Int32(sequence * ring + $0 % ring) })
    }
}
