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
    /// Columns that are computed: all, or those that a missed deadline leaves (`cut`).
    private(set) var columnCount: Int
    /// Columns of the batch.
    let batchColumnCount: Int
    private let deadline: StepDeadline?
    /// Written by thread 0 ahead of a layer's last barrier.
    private var isLate = false
    /// Whether every thread works through all columns by itself.
    let isNarrow: Bool
    /// Whether attention may rotate, store and attend in one item: no slice has more columns than an item.
    let isMerged: Bool
    private let tokens: [TokenID]
    private(set) var outputs: [StepBatch.Output]
    private(set) var sums: [StepBatch.Sum]
    /// [column]
    private let positions: [Int]
    private(set) var items: [AttentionItem]
    /// Whether the positions of long contexts are shared out (`AttentionItem.segments`).
    let isSegmented: Bool
    let segments: [AttentionItem]
    /// Segments of the longest context.
    let segmentsMax: Int
    let slices: [StepBatch.Slice]

    init(_ model: TransformerModel, _ batch: StepBatch) {
        self.model = model
        (shape, kernels, workspace, pool) = (model.shape, model.kernels, model.workspace, model.pool)
        planes = model.planes
        tokens = batch.tokens
        outputs = batch.outputs
        sums = batch.sums
        slices = batch.slices
        batchColumnCount = batch.tokens.count
        columnCount = batchColumnCount
        isNarrow = batchColumnCount <= Workspace.privateColumnsMax
        deadline = isNarrow ? nil : batch.deadline
        isMerged = batch.slices.allSatisfy { $0.count <= AttentionItem.columnsMax }
        positions = batch.slices.flatMap { Array($0.position..<$0.position + $0.count) }
        items = AttentionItem.items(batch.slices, kvHeadCount: shape.kvHeadCount)
        segmentsMax = batch.slices.map(AttentionItem.segmentCount).max() ?? 0
        isSegmented = isNarrow && segmentsMax > 1 && pool.count > 1
        segments =
            isSegmented ? AttentionItem.segments(batch.slices, kvHeadCount: shape.kvHeadCount) : []
        precondition(positions.count == batchColumnCount, "the slices do not cover the columns")
    }

    func run(_ thread: Int) {
        let lane = isNarrow ? workspace.own[thread] : workspace.common
        var columns = isNarrow ? 0..<columnCount : share(columnCount, thread)
        let scratch = workspace.scratch[thread].pointer
        embed(columns, lane)
        angles(share(columnCount, thread))
        let layers = model.weights.layers
        for (index, layer) in layers.enumerated() {
            norm(layer.attentionNorm, columns, lane)
            let input = settle(lane.normed.columns, columns, lane, width: shape.width, planes.heads)
            projectHeads(layer, input, thread)
            pool.barrier()
            attend(layer, scratch)
            pool.barrier()
            let attended = settle(
                workspace.attended.columns, columns, lane, width: shape.queryWidth, planes.output)
            project(layer.output, attended, to: workspace.added, thread)
            pool.barrier()
            addResidual(layer.outputNorm, columns, lane, scratch)
            norm(layer.feedForwardNorm, columns, lane)
            let normed = settle(lane.normed.columns, columns, lane, width: shape.width, planes.gateAndUp)
            feedForward(layer, normed, thread)
            pool.barrier()
            let hidden = settle(
                workspace.hidden.columns, columns, lane, width: shape.feedForwardWidth, planes.down)
            project(layer.down, hidden, to: workspace.added, thread)
            if thread == 0, !isLate, let deadline {
                isLate = deadline.decide(after: Double(index + 1) / Double(layers.count))
            }
            pool.barrier()
            if isLate, columnCount == batchColumnCount {
                cut(thread)
                columns = share(columnCount, thread)
            }
            addResidual(layer.downNorm, columns, lane, scratch)
        }
        sumStates(columns, lane, thread)
        head(columns, lane, thread)
    }

    /// Goes on with the kept slices alone. All threads have come to the same barrier before.
    private func cut(_ thread: Int) {
        // Nobody leaves before all have seen that there is something to cut.
        pool.barrier()
        if thread == 0, let kept = deadline?.keptSlices {
            columnCount = slices[kept].start
            items.removeAll { $0.slice >= kept }
            outputs.removeAll { $0.column >= columnCount }
            sums.removeAll { $0.columns.lowerBound >= columnCount }
        }
        pool.barrier()
    }

    /// The part of `count` things that belongs to a thread.
    func share(_ count: Int, _ thread: Int) -> Range<Int> {
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
                let at = (rope * batchColumnCount + column) * half
                Rope.angles(
                    positions[column], frequencies, cosines: workspace.cosines.pointer + at,
                    sines: workspace.sines.pointer + at)
            }
        }
    }

    /// The normalised residual stream.
    private func norm(_ norm: Norm, _ columns: Range<Int>, _ lane: Workspace.Lane) {
        for column in columns {
            kernels.table.pointee.rms_norm(
                lane.stream.pointer + column * shape.width, norm.weights.pointer, shape.normEpsilon,
                shape.width, lane.normed.columns[column])
        }
    }

    /// Quantises columns; afterwards every thread may read all of them.
    private func settle(
        _ floats: FloatColumns, _ columns: Range<Int>, _ lane: Workspace.Lane, width: Int, _ planes: Int
    ) -> MatrixInput {
        if !columns.isEmpty {
            lane.quantized.quantize(
                floats, columns: columns, k: width / 32 * 32, planes: planes, kernels: kernels)
        }
        if !isNarrow { pool.barrier() }
        return MatrixInput(floats, lane.quantized, planes: planes)
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

    /// How the threads share so many panels, or other units, of a phase.
    func pieces(_ total: Int, unit: Int = 2) -> Pieces {
        Pieces(total: total, unit: unit, threads: pool.count, isOneGroup: columnCount <= Matrix.columnGroup)
    }

    private func project(_ matrix: Matrix, _ input: MatrixInput, to out: Buffer<Float>, _ thread: Int) {
        let scratch = workspace.scratch[thread].pointer
        pool.each(pieces(matrix.panelCount), thread) { panels in
            matrix.multiply(
                panels: panels, input, columns: 0..<columnCount, out: out.pointer, outStride: matrix.rows,
                scratch: scratch, kernels: kernels)
        }
    }

    /// Queries, keys and values in one phase: their panels are counted through.
    private func projectHeads(_ layer: Layer, _ input: MatrixInput, _ thread: Int) {
        let (queries, keys) = (layer.query.panelCount, layer.key.panelCount)
        let scratch = workspace.scratch[thread].pointer
        pool.each(pieces(queries + keys + layer.value.panelCount), thread) { panels in
            part(layer.query, panels, 0, 0, input, scratch)
            part(layer.key, panels, queries, shape.queryWidth, input, scratch)
            part(layer.value, panels, queries + keys, shape.queryWidth + shape.kvWidth, input, scratch)
        }
    }

    /// The panels of a matrix that lie in a range, when its own are counted from `offset`.
    private func part(
        _ matrix: Matrix, _ range: Range<Int>, _ offset: Int, _ outOffset: Int, _ input: MatrixInput,
        _ scratch: UnsafeMutablePointer<Float>
    ) {
        let lower = max(range.lowerBound - offset, 0)
        let upper = min(range.upperBound - offset, matrix.panelCount)
        guard lower < upper else { return }
        matrix.multiply(
            panels: lower..<upper, input, columns: 0..<columnCount,
            out: workspace.projections.pointer + outOffset,
            outStride: shape.queryWidth + 2 * shape.kvWidth, scratch: scratch, kernels: kernels)
    }

    /// hidden = activation(gate) * up, in runs of a few panels so that both products are still in the cache.
    private func feedForward(_ layer: Layer, _ input: MatrixInput, _ thread: Int) {
        let scratch = workspace.scratch[thread].pointer
        pool.each(pieces(layer.gate.panelCount), thread) { piece in
            for first in stride(from: piece.lowerBound, to: piece.upperBound, by: Workspace.runPanels) {
                let panels = first..<min(first + Workspace.runPanels, piece.upperBound)
                for column in stride(from: 0, to: columnCount, by: Matrix.columnGroup) {
                    let columns = column..<min(column + Matrix.columnGroup, columnCount)
                    gateAndUp(layer, panels, columns, input, scratch)
                }
            }
        }
    }

    private func gateAndUp(
        _ layer: Layer, _ panels: Range<Int>, _ columns: Range<Int>, _ input: MatrixInput,
        _ scratch: UnsafeMutablePointer<Float>
    ) {
        let start = panels.lowerBound * 8
        let count = min(panels.upperBound * 8, shape.feedForwardWidth) - start
        let stride = Workspace.runPanels * 8
        let up = scratch + Matrix.scratchCount
        let hidden = workspace.hidden.columns
        layer.gate.multiply(
            panels: panels, input, columns: columns, out: hidden[columns.lowerBound],
            outStride: hidden.stride, scratch: scratch, kernels: kernels)
        layer.up.multiply(
            panels: panels, input, columns: columns, out: up - start, outStride: stride, scratch: scratch,
            kernels: kernels)
        for column in 0..<columns.count {
            let gate = hidden[columns.lowerBound + column] + start
            switch shape.architecture.activation {
            case .silu: kernels.table.pointee.silu_multiply(gate, up + column * stride, count)
            case .gelu: kernels.table.pointee.gelu_multiply(gate, up + column * stride, count)
            }
        }
    }
}
