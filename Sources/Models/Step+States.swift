import CKernels
import Compute

extension Step {
    /// Adds the states of the wanted columns to their sums: each thread normalises its columns, then adds a part of
    /// the width of all of them, in their order.
    ///
    /// A state takes the place of the column's residual stream, which nobody needs any more.
    func sumStates(_ columns: Range<Int>, _ lane: Workspace.Lane, _ thread: Int) {
        guard !sums.isEmpty else { return }
        let norm = model.weights.outputNorm
        for sum in sums {
            for column in sum.columns.clamped(to: columns) {
                let row = lane.stream.pointer + column * shape.width
                kernels.table.pointee.rms_norm(
                    row, norm.weights.pointer, shape.normEpsilon, shape.width, row)
            }
        }
        if !isNarrow { pool.barrier() }
        let part = share(shape.width, thread)
        for sum in sums {
            let total = sum.states.values + part.lowerBound
            for column in sum.columns {
                kernels.table.pointee.add(
                    total, lane.stream.pointer + column * shape.width + part.lowerBound, part.count)
            }
        }
    }
}
