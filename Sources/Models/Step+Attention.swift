import CKernels
import Compute

/// Attention has items (`AttentionItem`) that the threads take. Three ways, which give the same bits:
///
/// - no slice has more columns than an item: an item rotates, stores and attends;
/// - prompts: all items rotate and store, and attend after a barrier;
/// - few columns, long contexts: after that barrier the segments of the positions are shared out, and who finishes
///   the last one of a sequence and KV head merges them.
extension Step {
    /// Rotates queries and keys, stores keys and values, and attends.
    func attend(_ layer: Layer, _ scratch: UnsafeMutablePointer<Float>) {
        if !isMerged || isSegmented {
            each(items) { prepare($0, layer) }
            pool.barrier()
        }
        if isSegmented {
            each(segments) { attendSegment($0, layer, scratch) }
            return
        }
        let space = attentionScratch(scratch)
        each(items) { item in
            if isMerged { prepare(item, layer) }
            describe(item, layer) { kernels.table.pointee.attention(&$0, space) }
        }
    }

    @inline(__always)
    private func each(_ items: [AttentionItem], _ body: (AttentionItem) -> Void) {
        var next = pool.take(1)
        while next < items.count {
            // The longest contexts stand last in a prompt: begin with them.
            body(items[items.count - 1 - next])
            next = pool.take(1)
        }
    }

    /// Per-head norms and RoPE of an item's queries and key, and the key's and value's way into the cache.
    private func prepare(_ item: AttentionItem, _ layer: Layer) {
        let slice = slices[item.slice]
        let dim = shape.headDim
        let group = shape.headCount / shape.kvHeadCount
        let stride = shape.queryWidth + 2 * shape.kvWidth
        let cache = model.cache
        let arena = cache.arena(layer.kvGroup)
        let blocks = slice.blocks(of: layer.kvGroup)
        for offset in item.columns {
            let column = slice.start + offset
            let position = slice.position + offset
            let row = workspace.projections.pointer + column * stride
            for head in item.kvHead * group..<(item.kvHead + 1) * group {
                turn(row + head * dim, layer.queryNorm, layer.rope, column)
            }
            let key = row + shape.queryWidth + item.kvHead * dim
            turn(key, layer.keyNorm, layer.rope, column)
            let block =
                arena.base(place: layer.kvPlace)
                + Int(blocks[position / KVGeometry.blockTokens]) * arena.blockStride
            kernels.table.pointee.store_key_value(
                cache.type.kind, key, key + shape.kvWidth, dim, position % KVGeometry.blockTokens,
                block + cache.keysOffset(kvHead: item.kvHead),
                block + cache.valuesOffset(kvHead: item.kvHead))
        }
    }

    private func turn(_ head: UnsafeMutablePointer<Float>, _ norm: Norm?, _ rope: Int, _ column: Int) {
        if let norm {
            kernels.table.pointee.rms_norm(head, norm.weights.pointer, shape.normEpsilon, shape.headDim, head)
        }
        let at = (rope * batchColumnCount + column) * (shape.ropeDim / 2)
        let (cosines, sines) = (workspace.cosines.pointer + at, workspace.sines.pointer + at)
        switch shape.architecture.ropeOrder {
        case .pairs: kernels.table.pointee.rope_pairs(head, cosines, sines, shape.ropeDim)
        case .halves: kernels.table.pointee.rope_halves(head, cosines, sines, shape.ropeDim)
        }
    }

    private func attendSegment(
        _ item: AttentionItem, _ layer: Layer, _ scratch: UnsafeMutablePointer<Float>
    ) {
        let size = Workspace.stateFloats(shape)
        let place = item.slice * shape.kvHeadCount + item.kvHead
        let segments = AttentionItem.segmentCount(slices[item.slice])
        let states = workspace.states.pointer + place * segmentsMax * size
        let space = attentionScratch(scratch)
        let segment = item.segment ?? 0
        describe(item, layer) { description in
            kernels.table.pointee.attention_segment(&description, segment, states + segment * size, space)
            if workspace.segmentsDone.arrive(at: place, of: segments) {
                kernels.table.pointee.attention_finish(&description, segments, states, size)
            }
        }
    }

    /// The part of a thread's scratch that attention may use.
    private func attentionScratch(_ scratch: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
        scratch + Matrix.scratchCount
            + Workspace.upRun(columns: Matrix.columnGroup)
    }

    @inline(__always)
    private func describe(
        _ item: AttentionItem, _ layer: Layer, _ body: (inout apus_attention_item) -> Void
    ) {
        let slice = slices[item.slice]
        let group = shape.headCount / shape.kvHeadCount
        let stride = shape.queryWidth + 2 * shape.kvWidth
        let column = slice.start + item.columns.lowerBound
        let cache = model.cache
        let arena = cache.arena(layer.kvGroup)
        slice.blocks(of: layer.kvGroup).withUnsafeBufferPointer { blocks in
            var description = apus_attention_item(
                queries: workspace.projections.pointer + column * stride,
                outputs: workspace.attended.columns[column],
                query_stride: stride, output_stride: workspace.attended.columns.stride,
                kind: cache.type.kind, cache: arena.base(place: layer.kvPlace),
                block_stride: arena.blockStride,
                keys_offset: cache.keysOffset(kvHead: item.kvHead),
                values_offset: cache.valuesOffset(kvHead: item.kvHead),
                blocks: blocks.baseAddress, position: slice.position + item.columns.lowerBound,
                columns: item.columns.count, first_head: item.kvHead * group, heads: group,
                head_dim: shape.headDim,
                window: layer.window, length: 0, scale: 1 / Float(shape.headDim).squareRoot())
            body(&description)
        }
    }
}
