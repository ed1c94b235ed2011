import Compute

/// The memory of keys and values, f16, cut into blocks of 32 positions.
///
/// [block][layer]{ keys [kvHead][headDim][32 positions], values [kvHead][32 positions][headDim] }
/// Keys are stored with positions side by side: the scores of 32 positions come out in lanes.
final class KVCache {
    let geometry: KVGeometry
    private let arena: Arena
    private let layerElements: Int  // keys and values of one layer in one block
    private let headElements: Int  // keys, or values, of one head
    private let kvHeadCount: Int
    private let headDim: Int
    private let layerCount: Int

    init?(_ shape: ModelShape, blockCount: Int) {
        geometry = KVGeometry(bytesPerBlock: shape.kvBlockBytes, blockCount: blockCount)
        guard let arena = Arena(byteCount: shape.kvBlockBytes * blockCount) else { return nil }
        self.arena = arena
        (kvHeadCount, headDim, layerCount) = (shape.kvHeadCount, shape.headDim, shape.layerCount)
        headElements = shape.headDim * KVGeometry.blockTokens
        layerElements = 2 * shape.kvHeadCount * headElements
    }

    /// f16 elements from one block to the next.
    var blockStride: Int { layerElements * layerCount }

    /// Where a layer's part of block 0 begins.
    func base(layer: Int) -> UnsafeMutablePointer<UInt16> {
        arena.base.assumingMemoryBound(to: UInt16.self) + layer * layerElements
    }

    func keysOffset(kvHead: Int) -> Int { kvHead * headElements }
    func valuesOffset(kvHead: Int) -> Int { (kvHeadCount + kvHead) * headElements }

    /// Copies the first `tokens` positions of a block, in every layer.
    func copy(from source: Int, to destination: Int, tokens: Int) {
        let from = base(layer: 0) + source * blockStride
        let to = base(layer: 0) + destination * blockStride
        for part in 0..<layerCount * 2 * kvHeadCount {
            let (a, b) = (from + part * headElements, to + part * headElements)
            if part / kvHeadCount % 2 == 1 {
                b.update(from: a, count: tokens * headDim)
            } else {
                for row in 0..<headDim {
                    (b + row * KVGeometry.blockTokens).update(
                        from: a + row * KVGeometry.blockTokens, count: tokens)
                }
            }
        }
    }
}
