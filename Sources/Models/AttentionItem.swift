import CKernels
import Compute

/// A piece of attention that one thread does: some columns of one sequence, for one KV head.
struct AttentionItem {
    /// Columns of an item: enough to share the reading of keys and values, few enough to spread over threads.
    static let columnsMax = 16

    var slice: Int
    var kvHead: Int
    /// Columns of the slice, from its start.
    var columns: Range<Int>

    static func items(_ slices: [StepBatch.Slice], kvHeadCount: Int) -> [AttentionItem] {
        var items: [AttentionItem] = []
        for (index, slice) in slices.enumerated() {
            for first in stride(from: 0, to: slice.count, by: columnsMax) {
                for head in 0..<kvHeadCount {
                    let columns = first..<min(first + columnsMax, slice.count)
                    items.append(AttentionItem(slice: index, kvHead: head, columns: columns))
                }
            }
        }
        return items
    }
}

extension Step {
    /// Rotates queries and keys, stores keys and values, and attends.
    func attend(_ layer: Layer, _ index: Int, _ scratch: UnsafeMutablePointer<Float>) {
        if !isMerged {
            each { prepare($0, layer, index) }
            pool.barrier()
        }
        each {
            if isMerged { prepare($0, layer, index) }
            attend($0, layer, index, scratch)
        }
    }

    @inline(__always)
    private func each(_ body: (AttentionItem) -> Void) {
        var next = pool.take(1)
        while next < items.count {
            // The longest contexts stand last in a prompt: begin with them.
            body(items[items.count - 1 - next])
            next = pool.take(1)
        }
    }

    /// Per-head norms and RoPE of an item's queries and key, and the key's and value's way into the cache.
    private func prepare(_ item: AttentionItem, _ layer: Layer, _ index: Int) {
        let slice = slices[item.slice]
        let dim = shape.headDim
        let group = shape.headCount / shape.kvHeadCount
        let stride = shape.queryWidth + 2 * shape.kvWidth
        let base = model.cache.base(layer: index)
        for offset in item.columns {
            let column = slice.start + offset
            let position = slice.position + offset
            let row = workspace.projections.pointer + column * stride
            for head in item.kvHead * group..<(item.kvHead + 1) * group {
                turn(row + head * dim, layer.queryNorm, layer.rope, column)
            }
            let key = row + shape.queryWidth + item.kvHead * dim
            turn(key, layer.keyNorm, layer.rope, column)
            let block = base + Int(slice.blocks[position / KVGeometry.blockTokens]) * model.cache.blockStride
            kernels.table.pointee.store_key_value(
                key, key + shape.kvWidth, dim, position % KVGeometry.blockTokens,
                block + model.cache.keysOffset(kvHead: item.kvHead),
                block + model.cache.valuesOffset(kvHead: item.kvHead))
        }
    }

    private func turn(_ head: UnsafeMutablePointer<Float>, _ norm: Norm?, _ rope: Int, _ column: Int) {
        if let norm {
            kernels.table.pointee.rms_norm(head, norm.weights.pointer, shape.normEpsilon, shape.headDim, head)
        }
        let at = (rope * columnCount + column) * (shape.ropeDim / 2)
        let (cosines, sines) = (workspace.cosines.pointer + at, workspace.sines.pointer + at)
        switch shape.architecture.ropeOrder {
        case .pairs: kernels.table.pointee.rope_pairs(head, cosines, sines, shape.ropeDim)
        case .halves: kernels.table.pointee.rope_halves(head, cosines, sines, shape.ropeDim)
        }
    }

    private func attend(
        _ item: AttentionItem, _ layer: Layer, _ index: Int, _ scratch: UnsafeMutablePointer<Float>
    ) {
        let slice = slices[item.slice]
        let group = shape.headCount / shape.kvHeadCount
        let stride = shape.queryWidth + 2 * shape.kvWidth
        let column = slice.start + item.columns.lowerBound
        let space =
            scratch + Matrix.scratchCount(Workspace.inputWidth(shape))
            + Workspace.upRun(columns: Matrix.columnGroup)
        slice.blocks.withUnsafeBufferPointer { blocks in
            var description = apus_attention_item(
                queries: workspace.projections.pointer + column * stride,
                outputs: workspace.attended.columns[column],
                query_stride: stride, output_stride: workspace.attended.columns.stride,
                cache: model.cache.base(layer: index), block_stride: model.cache.blockStride,
                keys_offset: model.cache.keysOffset(kvHead: item.kvHead),
                values_offset: model.cache.valuesOffset(kvHead: item.kvHead),
                blocks: blocks.baseAddress, position: slice.position + item.columns.lowerBound,
                columns: item.columns.count, first_head: item.kvHead * group, heads: group,
                head_dim: shape.headDim,
                window: layer.window, scale: 1 / Float(shape.headDim).squareRoot())
            kernels.table.pointee.attention(&description, space)
        }
    }
}
