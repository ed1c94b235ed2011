import Compute

/// The memory of keys and values, cut into blocks of 32 positions; each group of layers has its own blocks.
///
/// [block][layer of the group]{ keys [kvHead][headDim][32 positions], values [kvHead][32 positions][headDim] }, the
/// codes of `q8` followed by their scales, [run][32 positions]. Keys are stored with positions side by side: the
/// scores of 32 positions come out in lanes.
///
/// The groups share a budget, not an arena: each has address space for all of it, and memory only where something was
/// written. The engine sees to it that both together stay below the budget (`discard`).
final class KVCache {
    let geometry: KVGeometry
    let type: KVType
    private let full: KVArena
    private let window: KVArena
    private let headBytes: Int  // keys, or values, of one head
    private let kvHeadCount: Int
    private let headDim: Int

    init?(_ shape: ModelShape, type: KVType, geometry: KVGeometry) {
        func arena(_ group: KVGroup) -> KVArena? {
            KVArena(
                layerCount: shape.kvLayerCount(group), blockBytes: geometry.bytesPerBlock(of: group),
                blockCount: geometry.blockCount(of: group))
        }
        guard let full = arena(.full), let window = arena(.window) else { return nil }
        (self.full, self.window, self.geometry, self.type) = (full, window, geometry, type)
        (kvHeadCount, headDim) = (shape.kvHeadCount, shape.headDim)
        headBytes = type.headBytes(headDim: shape.headDim)
    }

    func arena(_ group: KVGroup) -> KVArena { group == .full ? full : window }

    func keysOffset(kvHead: Int) -> Int { kvHead * headBytes }
    func valuesOffset(kvHead: Int) -> Int { (kvHeadCount + kvHead) * headBytes }

    /// Copies the first `tokens` positions of a block, in every layer of its group.
    func copy(_ group: KVGroup, from source: Int, to destination: Int, tokens: Int) {
        let arena = arena(group)
        let element = type.elementBytes
        let codes = headDim * KVGeometry.blockTokens * element
        for part in 0..<arena.layerCount * 2 * kvHeadCount {
            let from = arena.base(place: 0) + source * arena.blockStride + part * headBytes
            let to = arena.base(place: 0) + destination * arena.blockStride + part * headBytes
            if part / kvHeadCount % 2 == 1 {
                to.copyMemory(from: from, byteCount: tokens * headDim * element)
            } else {
                copyRows(headDim, from, to, elementBytes: element, tokens)
            }
            copyRows(type.runs(headDim), from + codes, to + codes, elementBytes: 2, tokens)
        }
    }

    /// Gives a block's memory back to the system.
    func discard(_ group: KVGroup, _ block: Int) { arena(group).discard(block) }

    /// Rows of 32 positions.
    private func copyRows(
        _ rows: Int, _ from: UnsafeMutableRawPointer, _ to: UnsafeMutableRawPointer, elementBytes: Int,
        _ tokens: Int
    ) {
        let stride = KVGeometry.blockTokens * elementBytes
        for row in 0..<rows {
            (to + row * stride).copyMemory(from: from + row * stride, byteCount: tokens * elementBytes)
        }
    }
}
