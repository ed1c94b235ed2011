import CKernels
import Compute
import Glibc
import ModelFiles

/// One step of an encoder: the columns of all inputs go through the layers together, attention keeps them apart.
///
/// Every thread runs it; phases are separated by barriers. Columns are shared out for norms, panels for products,
/// (input, head, columns) for attention.
struct EncoderStep {
    /// Some columns of an input, for one head.
    private struct Item {
        var input: Int
        var head: Int
        var columns: Range<Int>
    }

    /// An input's columns, the block that its keys and values begin with, and whether it is scored.
    private struct Slice {
        var start: Int
        var count: Int
        var block: Int
        var isPair: Bool
    }

    /// Queries of an item: as many as walk over the blocks together.
    private static let itemColumns = 48

    private let model: EncoderModel
    private let tokens: [TokenID]
    private let slices: [Slice]
    private let items: [Item]
    /// A column's place in its input, and its token type.
    private let places: [Int32]
    private let types: [UInt8]
    /// Inputs that are pairs.
    private let pairs: [Int]
    private let columnCount: Int

    private var shape: EncoderShape { model.shape }
    private var workspace: EncoderWorkspace { model.workspace }
    private var pool: ThreadPool { model.pool }
    private var kernels: Kernels { model.kernels }

    init(_ model: EncoderModel, _ inputs: [EncoderInput]) {
        self.model = model
        var tokens: [TokenID] = []
        var slices: [Slice] = []
        var places: [Int32] = []
        var types: [UInt8] = []
        var items: [Item] = []
        var block = 0
        let typeMax = UInt8(model.weights.positions.count - 1)
        for (index, pairOrText) in inputs.enumerated() {
            let input = pairOrText.tokens
            precondition(
                (1...model.shape.contextLength).contains(input.count), "an input of \(input.count) tokens")
            let first = min(pairOrText.secondStart ?? input.count, input.count)
            types += repeatElement(0, count: first)
            types += repeatElement(typeMax, count: input.count - first)
            slices.append(
                Slice(
                    start: tokens.count, count: input.count, block: block,
                    isPair: pairOrText.secondStart != nil))
            block += (input.count + KVGeometry.blockTokens - 1) / KVGeometry.blockTokens
            tokens += input
            places += (0..<Int32(input.count))
            for head in 0..<model.shape.headCount {
                for first in stride(from: 0, to: input.count, by: Self.itemColumns) {
                    let columns = first..<min(first + Self.itemColumns, input.count)
                    items.append(Item(input: index, head: head, columns: columns))
                }
            }
        }
        precondition(
            !tokens.isEmpty && tokens.count <= model.columnsMax, "a step of \(tokens.count) columns")
        precondition(
            tokens.allSatisfy { $0 >= 0 && Int($0) < model.shape.vocabularyCount }, "a token that is none")
        (self.tokens, self.slices, self.places, self.types) = (tokens, slices, places, types)
        self.items = items
        pairs = slices.indices.filter { slices[$0].isPair }
        precondition(pairs.isEmpty || model.scoresPairs, "a pair, and a model without the head for it")
        columnCount = tokens.count
    }

    func run(_ thread: Int) {
        let columns = share(columnCount, thread)
        embed(columns)
        for layer in model.weights.layers {
            var input = settle(workspace.stream, columns, width: shape.width)
            projectHeads(layer, input, thread)
            pool.barrier()
            store(columns)
            pool.barrier()
            attend(thread)
            pool.barrier()
            input = settle(workspace.attended, columns, width: shape.width)
            project(
                layer.output, input, columns: columnCount, to: workspace.added.pointer, stride: shape.width,
                thread)
            pool.barrier()
            addResidual(layer.attentionNorm, columns)
            input = settle(workspace.stream, columns, width: shape.width)
            feedForward(layer.up, input, thread)
            pool.barrier()
            input = settle(workspace.hidden, columns, width: shape.feedForwardWidth)
            project(
                layer.down, input, columns: columnCount, to: workspace.added.pointer, stride: shape.width,
                thread)
            pool.barrier()
            addResidual(layer.outputNorm, columns)
        }
        pool.barrier()
        for input in share(slices.count, thread) where !slices[input].isPair { pool(input) }
        if let head = model.weights.scoreHead, !pairs.isEmpty { score(head, thread) }
    }

    /// A text's embedding of `width` numbers, or a pair's one score.
    func result(of input: Int) -> [Float] {
        let row = workspace.pooled.pointer + input * shape.width
        return Array(UnsafeBufferPointer(start: row, count: slices[input].isPair ? 1 : shape.width))
    }

    /// The part of `count` things that belongs to a thread.
    private func share(_ count: Int, _ thread: Int) -> Range<Int> {
        count * thread / pool.count..<count * (thread + 1) / pool.count
    }

    private func embed(_ columns: Range<Int>) {
        for column in columns {
            let row = workspace.stream.columns[column]
            model.weights.words.row(Int(tokens[column]), to: row)
            kernels.table.pointee.add(
                row,
                model.weights.positions[Int(types[column])].pointer + Int(places[column]) * shape.width,
                shape.width)
            normalize(row, model.weights.embeddingNorm)
        }
    }

    private func normalize(_ row: UnsafeMutablePointer<Float>, _ norm: LayerNorm) {
        kernels.table.pointee.layer_norm(
            row, norm.weight.pointer, norm.bias.pointer, shape.normEpsilon, shape.width, row)
    }

    /// Quantises a thread's columns; afterwards every thread may read all of them.
    private func settle(_ floats: EncoderWorkspace.Columns, _ columns: Range<Int>, width: Int) -> MatrixInput
    {
        if !columns.isEmpty {
            workspace.quantized.quantize(
                floats.columns, columns: columns, k: width / 32 * 32, planes: model.planes, kernels: kernels)
        }
        pool.barrier()
        return MatrixInput(floats.columns, workspace.quantized, planes: model.planes)
    }

    private func addResidual(_ norm: LayerNorm, _ columns: Range<Int>) {
        for column in columns {
            let row = workspace.stream.columns[column]
            kernels.table.pointee.add(row, workspace.added.pointer + column * shape.width, shape.width)
            normalize(row, norm)
        }
    }

    // MARK: - Products

    private func pieces(_ total: Int) -> Pieces {
        Pieces(total: total, unit: 2, threads: pool.count, isOneGroup: columnCount <= Matrix.columnGroup)
    }

    /// out[column * stride + row], with the bias; of the first so many columns.
    private func multiply(
        _ linear: Linear, _ panels: Range<Int>, _ input: MatrixInput, columns: Int,
        to out: UnsafeMutablePointer<Float>, stride: Int, _ thread: Int
    ) {
        linear.matrix.multiply(
            panels: panels, input, columns: 0..<columns, out: out, outStride: stride,
            scratch: workspace.scratch[thread].pointer, kernels: kernels)
        let first = panels.lowerBound * 8
        let count = min(panels.upperBound * 8, linear.matrix.rows) - first
        for column in 0..<columns {
            kernels.table.pointee.add(out + column * stride + first, linear.bias.pointer + first, count)
        }
    }

    private func project(
        _ linear: Linear, _ input: MatrixInput, columns: Int, to out: UnsafeMutablePointer<Float>,
        stride: Int, _ thread: Int
    ) {
        pool.each(pieces(linear.matrix.panelCount), thread) { panels in
            multiply(linear, panels, input, columns: columns, to: out, stride: stride, thread)
        }
    }

    /// Queries, keys and values in one phase: their panels are counted through.
    private func projectHeads(_ layer: EncoderLayer, _ input: MatrixInput, _ thread: Int) {
        let each = layer.query.matrix.panelCount
        pool.each(pieces(3 * each), thread) { panels in
            for (index, linear) in [layer.query, layer.key, layer.value].enumerated() {
                let lower = max(panels.lowerBound - index * each, 0)
                let upper = min(panels.upperBound - index * each, each)
                guard lower < upper else { continue }
                multiply(
                    linear, lower..<upper, input, columns: columnCount,
                    to: workspace.projections.pointer + index * shape.width, stride: 3 * shape.width, thread)
            }
        }
    }

    private func feedForward(_ up: Linear, _ input: MatrixInput, _ thread: Int) {
        let hidden = workspace.hidden.columns
        pool.each(pieces(up.matrix.panelCount), thread) { panels in
            multiply(
                up, panels, input, columns: columnCount, to: hidden.pointer, stride: hidden.stride, thread)
            let first = panels.lowerBound * 8
            let count = min(panels.upperBound * 8, up.matrix.rows) - first
            for column in 0..<columnCount {
                let values = hidden[column] + first
                switch shape.activation {
                case .gelu: kernels.table.pointee.gelu_exact(values, count)
                case .relu: for index in 0..<count { values[index] = max(values[index], 0) }
                }
            }
        }
    }

    // MARK: - Attention

    private var blockBytes: Int { EncoderWorkspace.blockBytes(shape) }
    private var headBytes: Int { KVType.f16.headBytes(headDim: shape.headDim) }

    /// Puts the keys and values of columns into the blocks of their inputs.
    private func store(_ columns: Range<Int>) {
        for (slice, range) in slices.lazy.map({ ($0, ($0.start..<$0.start + $0.count).clamped(to: columns)) })
        {
            for column in range {
                let place = column - slice.start
                let block =
                    workspace.cache.base
                    + (slice.block + place / KVGeometry.blockTokens) * blockBytes
                let keys = workspace.projections.pointer + column * 3 * shape.width + shape.width
                for head in 0..<shape.headCount {
                    let key = keys + head * shape.headDim
                    kernels.table.pointee.store_key_value(
                        APUS_KV_F16, key, key + shape.width, shape.headDim, place % KVGeometry.blockTokens,
                        block + head * headBytes, block + (shape.headCount + head) * headBytes)
                }
            }
        }
    }

    private func attend(_ thread: Int) {
        let scratch = workspace.scratch[thread].pointer + Matrix.scratchCount
        workspace.blocks.withUnsafeBufferPointer { blocks in
            var next = pool.take(1)
            while next < items.count {
                var item = description(of: items[next], blocks)
                kernels.table.pointee.attention(&item, scratch)
                next = pool.take(1)
            }
        }
    }

    private func description(of item: Item, _ blocks: UnsafeBufferPointer<Int32>) -> apus_attention_item {
        let slice = slices[item.input]
        let column = slice.start + item.columns.lowerBound
        return apus_attention_item(
            queries: workspace.projections.pointer + column * 3 * shape.width,
            outputs: workspace.attended.columns[column], query_stride: 3 * shape.width,
            output_stride: workspace.attended.columns.stride, kind: APUS_KV_F16, cache: workspace.cache.base,
            block_stride: blockBytes, keys_offset: item.head * headBytes,
            values_offset: (shape.headCount + item.head) * headBytes,
            blocks: blocks.baseAddress.map { $0 + slice.block }, position: item.columns.lowerBound,
            columns: item.columns.count, first_head: item.head, heads: 1, head_dim: shape.headDim, window: 0,
            length: slice.count, scale: 1 / Float(shape.headDim).squareRoot())
    }

    // MARK: - Pooling

    private func pool(_ input: Int) {
        let slice = slices[input]
        let row = workspace.pooled.pointer + input * shape.width
        let columns = workspace.stream.columns
        let table = kernels.table.pointee
        switch model.pooling {
        case .cls: row.update(from: columns[slice.start], count: shape.width)
        case .last: row.update(from: columns[slice.start + slice.count - 1], count: shape.width)
        case .mean:
            row.update(repeating: 0, count: shape.width)
            for column in slice.start..<slice.start + slice.count {
                table.add(row, columns[column], shape.width)
            }
            table.scale(row, 1 / Float(slice.count), shape.width)
        }
    }
    /// The scores of the pairs. Their first states come together in the first columns, where the pooler takes them.
    private func score(_ head: ScoreHead, _ thread: Int) {
        let width = shape.width
        let rows = share(pairs.count, thread)
        for row in rows {
            let state = workspace.stream.columns[slices[pairs[row]].start]
            workspace.attended.columns[row].update(from: state, count: width)
        }
        let input = settle(workspace.attended, rows, width: width)
        let pooled = workspace.added.pointer
        project(head.pooler, input, columns: pairs.count, to: pooled, stride: width, thread)
        pool.barrier()
        for row in rows {
            var score = Double(head.bias.pointer[0])
            for index in 0..<width {
                score += tanh(Double(pooled[row * width + index])) * Double(head.weights.pointer[index])
            }
            workspace.pooled.pointer[pairs[row] * width] = Float(score)
        }
    }
}
