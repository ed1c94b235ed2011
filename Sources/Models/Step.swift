import CKernels
import Compute
import ModelFiles

/// One run of the layer program over a batch. Made for one step; every thread of the pool calls `run`.
///
/// A layer has these phases, with a barrier after each that writes what other threads read:
///
///     norm, quantise -> QKV | RoPE, KV write, attention | O | residual, norm, quantise -> gate, up | down |
///
/// Norms and quantisation belong to the columns of a thread (`Workspace`): with few columns that is all of
/// them, and the barrier after them falls away.
final class Step {
    let model: TransformerModel
    let shape: ModelShape
    let kernels: Kernels
    let workspace: Workspace
    let pool: ThreadPool
    let planes: InputPlanes
    let columnCount: Int
    /// Whether every thread works through all columns by itself.
    let isNarrow: Bool
    /// Whether attention may rotate, store and attend in one item: no slice has more columns than an item.
    let isMerged: Bool
    private let tokens: [TokenID]
    let outputs: [StepBatch.Output]
    /// [column]
    private let positions: [Int]
    let items: [AttentionItem]
    let slices: [StepBatch.Slice]

    init(_ model: TransformerModel, _ batch: StepBatch) {
        self.model = model
        (shape, kernels, workspace, pool) = (model.shape, model.kernels, model.workspace, model.pool)
        planes = model.planes
        tokens = batch.tokens
        outputs = batch.outputs
        slices = batch.slices
        columnCount = batch.tokens.count
        isNarrow = columnCount <= Workspace.privateColumnsMax
        isMerged = batch.slices.allSatisfy { $0.count <= AttentionItem.columnsMax }
        positions = batch.slices.flatMap { Array($0.position..<$0.position + $0.count) }
        items = AttentionItem.items(batch.slices, kvHeadCount: shape.kvHeadCount)
        precondition(positions.count == columnCount, "the slices do not cover the columns")
    }

    func run(_ thread: Int) {
        let lane = isNarrow ? workspace.own[thread] : workspace.common
        let columns = isNarrow ? 0..<columnCount : share(columnCount, thread)
        let scratch = workspace.scratch[thread].pointer
        embed(columns, lane)
        angles(share(columnCount, thread))
        for (index, layer) in model.weights.layers.enumerated() {
            norm(layer.attentionNorm, columns, lane)
            settle(columns, lane, width: shape.width, planes.heads)
            projectHeads(layer, lane, scratch)
            pool.barrier()
            attend(layer, index, scratch)
            pool.barrier()
            load(workspace.attended, width: shape.queryWidth, columns, lane)
            settle(columns, lane, width: shape.queryWidth, planes.output)
            project(layer.output, planes.output, lane, to: workspace.added, scratch)
            pool.barrier()
            addResidual(layer.outputNorm, columns, lane, scratch)
            norm(layer.feedForwardNorm, columns, lane)
            settle(columns, lane, width: shape.width, planes.gateAndUp)
            feedForward(layer, lane, scratch)
            pool.barrier()
            load(workspace.hidden, width: shape.feedForwardWidth, columns, lane)
            settle(columns, lane, width: shape.feedForwardWidth, planes.down)
            project(layer.down, planes.down, lane, to: workspace.added, scratch)
            pool.barrier()
            addResidual(layer.downNorm, columns, lane, scratch)
        }
        head(columns, lane, scratch)
    }

    /// The part of `count` things that belongs to a thread.
    private func share(_ count: Int, _ thread: Int) -> Range<Int> {
        count * thread / pool.count..<count * (thread + 1) / pool.count
    }

    private func embed(_ columns: Range<Int>, _ lane: Workspace.Lane) {
        let factor = shape.architecture.scalesEmbeddings ? Float(shape.width).squareRoot() : 1
        for column in columns {
            let row = lane.stream.pointer + column * shape.width
            model.weights.embedding.row(Int(tokens[column]), to: row)
            if factor != 1 { kernels.table.pointee.scale(row, factor, shape.width) }
        }
    }

    private func angles(_ columns: Range<Int>) {
        let half = shape.ropeDim / 2
        for (rope, frequencies) in model.ropeFrequencies.enumerated() {
            for column in columns {
                let at = (rope * columnCount + column) * half
                Rope.angles(
                    positions[column], frequencies, cosines: workspace.cosines.pointer + at,
                    sines: workspace.sines.pointer + at)
            }
        }
    }

    /// The lane's input becomes the normalised residual stream.
    private func norm(_ norm: Norm, _ columns: Range<Int>, _ lane: Workspace.Lane) {
        for column in columns {
            kernels.table.pointee.rms_norm(
                lane.stream.pointer + column * shape.width, norm.weights.pointer, shape.normEpsilon,
                shape.width,
                lane.input.floats.pointer + column * lane.input.width)
        }
    }

    /// The lane's input becomes a copy of a buffer's columns.
    private func load(_ source: Buffer<Float>, width: Int, _ columns: Range<Int>, _ lane: Workspace.Lane) {
        for column in columns {
            (lane.input.floats.pointer + column * lane.input.width).update(
                from: source.pointer + column * width, count: width)
        }
    }

    /// Quantises the lane's input; afterwards every thread may read all of it.
    private func settle(_ columns: Range<Int>, _ lane: Workspace.Lane, width: Int, _ planes: Int) {
        if !columns.isEmpty {
            lane.input.quantize(
                lane.input.floats.pointer + columns.lowerBound * lane.input.width, stride: lane.input.width,
                columns: columns, k: width / 32 * 32, planes: planes, kernels: kernels)
        }
        if !isNarrow { pool.barrier() }
    }

    /// Adds what attention or feed-forward gave, normalised where the family does so.
    private func addResidual(
        _ norm: Norm?, _ columns: Range<Int>, _ lane: Workspace.Lane, _ scratch: UnsafeMutablePointer<Float>
    ) {
        for column in columns {
            let added = workspace.added.pointer + column * shape.width
            let stream = lane.stream.pointer + column * shape.width
            if let norm {
                kernels.table.pointee.rms_norm(
                    added, norm.weights.pointer, shape.normEpsilon, shape.width, scratch)
                kernels.table.pointee.add(stream, scratch, shape.width)
            } else {
                kernels.table.pointee.add(stream, added, shape.width)
            }
        }
    }

    /// Panels that a thread takes at a time: small enough that a thread which lost its core holds up nobody, and
    /// even, because the kernels go over two panels together.
    func pieceSize(_ panels: Int) -> Int { max(2, panels / (pool.count * 8) * 2) }

    private func project(
        _ matrix: Matrix, _ planes: Int, _ lane: Workspace.Lane, to out: Buffer<Float>,
        _ scratch: UnsafeMutablePointer<Float>
    ) {
        let size = pieceSize(matrix.panelCount)
        var first = pool.take(size)
        while first < matrix.panelCount {
            matrix.multiply(
                panels: first..<min(first + size, matrix.panelCount), lane.input, columns: 0..<columnCount,
                planes: planes,
                out: out.pointer, outStride: matrix.rows, scratch: scratch, kernels: kernels)
            first = pool.take(size)
        }
    }

    /// Queries, keys and values in one phase: their panels are counted through.
    private func projectHeads(_ layer: Layer, _ lane: Workspace.Lane, _ scratch: UnsafeMutablePointer<Float>)
    {
        let total = layer.query.panelCount + layer.key.panelCount + layer.value.panelCount
        let size = pieceSize(total)
        var first = pool.take(size)
        while first < total {
            let range = first..<min(first + size, total)
            part(layer.query, range, 0, 0, lane, scratch)
            part(layer.key, range, layer.query.panelCount, shape.queryWidth, lane, scratch)
            part(
                layer.value, range, layer.query.panelCount + layer.key.panelCount,
                shape.queryWidth + shape.kvWidth, lane, scratch)
            first = pool.take(size)
        }
    }

    /// The panels of a matrix that lie in a range, when its own are counted from `offset`.
    private func part(
        _ matrix: Matrix, _ range: Range<Int>, _ offset: Int, _ outOffset: Int, _ lane: Workspace.Lane,
        _ scratch: UnsafeMutablePointer<Float>
    ) {
        let lower = max(range.lowerBound - offset, 0)
        let upper = min(range.upperBound - offset, matrix.panelCount)
        guard lower < upper else { return }
        matrix.multiply(
            panels: lower..<upper, lane.input, columns: 0..<columnCount, planes: planes.heads,
            out: workspace.projections.pointer + outOffset,
            outStride: shape.queryWidth + 2 * shape.kvWidth, scratch: scratch, kernels: kernels)
    }

    /// hidden = activation(gate) * up, in runs of a few panels so that both products are still in the cache.
    private func feedForward(_ layer: Layer, _ lane: Workspace.Lane, _ scratch: UnsafeMutablePointer<Float>) {
        let rows = shape.feedForwardWidth
        let total = layer.gate.panelCount
        let size = min(Workspace.runPanels, pieceSize(total))
        var first = pool.take(size)
        while first < total {
            let range = first..<min(first + size, total)
            let start = range.lowerBound * 8
            let count = min(range.upperBound * 8, rows) - start
            var column = 0
            while column < columnCount {
                let columns = min(Matrix.columnGroup, columnCount - column)
                gateAndUp(layer, range, start, count, column..<column + columns, lane, scratch)
                column += columns
            }
            first = pool.take(size)
        }
    }

    private func gateAndUp(
        _ layer: Layer, _ panels: Range<Int>, _ start: Int, _ count: Int, _ columns: Range<Int>,
        _ lane: Workspace.Lane,
        _ scratch: UnsafeMutablePointer<Float>
    ) {
        let rows = shape.feedForwardWidth
        let stride = Workspace.runPanels * 8
        let up = scratch + Matrix.scratchCount(Workspace.inputWidth(shape))
        let hidden = workspace.hidden.pointer + columns.lowerBound * rows
        layer.gate.multiply(
            panels: panels, lane.input, columns: columns, planes: planes.gateAndUp, out: hidden,
            outStride: rows, scratch: scratch, kernels: kernels)
        layer.up.multiply(
            panels: panels, lane.input, columns: columns, planes: planes.gateAndUp, out: up - start,
            outStride: stride, scratch: scratch, kernels: kernels)
        for column in 0..<columns.count {
            let gate = hidden + column * rows + start
            switch shape.architecture.activation {
            case .silu: kernels.table.pointee.silu_multiply(gate, up + column * stride, count)
            case .gelu: kernels.table.pointee.gelu_multiply(gate, up + column * stride, count)
            }
        }
    }
}
