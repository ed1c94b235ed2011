import CKernels
import Compute

extension Step {
    /// The head, for the wanted columns only: their logits, and while these are in the cache their summaries.
    func head(_ columns: Range<Int>, _ lane: Workspace.Lane, _ thread: Int) {
        guard !outputs.isEmpty else { return }
        normOutputs(columns, lane)
        if !isNarrow { pool.barrier() }
        let scratch = workspace.scratch[thread].pointer
        pool.each(pieces(model.logits.segmentCount, unit: 1), thread) { segments in
            for segment in segments { multiplySegment(segment, lane, scratch) }
        }
    }

    /// The inputs of the head take the places of the first columns.
    private func normOutputs(_ columns: Range<Int>, _ lane: Workspace.Lane) {
        let norm = model.weights.outputNorm
        let normed = lane.normed.columns
        for (row, output) in outputs.enumerated() where columns.contains(output.column) {
            kernels.table.pointee.rms_norm(
                lane.stream.pointer + output.column * shape.width, norm.weights.pointer, shape.normEpsilon,
                shape.width, normed[row])
            lane.quantized.quantize(
                normed, columns: row..<row + 1, k: shape.width / 32 * 32, planes: planes.head,
                kernels: kernels)
        }
    }

    private func multiplySegment(
        _ segment: Int, _ lane: Workspace.Lane, _ scratch: UnsafeMutablePointer<Float>
    ) {
        let head = model.weights.head
        let input = MatrixInput(lane.normed.columns, lane.quantized, planes: planes.head)
        let panels = Logits.segmentSize / 8
        let range = segment * panels..<min((segment + 1) * panels, head.panelCount)
        var first = 0
        while first < outputs.count {
            let rows = first..<min(first + Matrix.columnGroup, outputs.count)
            head.multiply(
                panels: range, input, columns: rows, out: model.logits[first].values, outStride: head.rows,
                scratch: scratch, kernels: kernels)
            for row in rows { model.logits[row].summarize(segment) }
            first = rows.upperBound
        }
    }
}
