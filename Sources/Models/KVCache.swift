import CKernels
import Compute

/// How keys and values are stored.
public enum KVType: String, Sendable, CaseIterable {
    /// Half floats.
    case f16
    /// 8-bit codes, one f16 scale for each 32 dimensions of a position: a little over half the memory.
    case q8

    var kind: apus_kv_kind { self == .f16 ? APUS_KV_F16 : APUS_KV_Q8 }

    /// Bytes of the keys, or the values, of one KV head in one block.
    func headBytes(headDim: Int) -> Int {
        let elements = headDim * KVGeometry.blockTokens
        return self == .f16 ? elements * 2 : elements + runs(headDim) * KVGeometry.blockTokens * 2
    }

    /// Runs of 32 dimensions, each with a scale.
    func runs(_ headDim: Int) -> Int { self == .f16 ? 0 : (headDim + 31) / 32 }

    var elementBytes: Int { self == .f16 ? 2 : 1 }
}

/// The memory of keys and values, cut into blocks of 32 positions.
///
/// [block][layer]{ keys [kvHead][headDim][32 positions], values [kvHead][32 positions][headDim] }, the codes of
/// `q8` followed by their scales, [run][32 positions]. Keys are stored with positions side by side: the scores of
/// 32 positions come out in lanes.
final class KVCache {
    let geometry: KVGeometry
    let type: KVType
    private let arena: Arena
    private let layerBytes: Int  // keys and values of one layer in one block
    private let headBytes: Int  // keys, or values, of one head
    private let kvHeadCount: Int
    private let headDim: Int
    private let layerCount: Int

    init?(_ shape: ModelShape, type: KVType, blockCount: Int) {
        let blockBytes = shape.kvBlockBytes(type)
        geometry = KVGeometry(bytesPerBlock: blockBytes, blockCount: blockCount)
        guard let arena = Arena(byteCount: blockBytes * blockCount) else { return nil }
        self.arena = arena
        self.type = type
        (kvHeadCount, headDim, layerCount) = (shape.kvHeadCount, shape.headDim, shape.layerCount)
        headBytes = type.headBytes(headDim: shape.headDim)
        layerBytes = 2 * shape.kvHeadCount * headBytes
    }

    /// Bytes from one block to the next.
    var blockStride: Int { layerBytes * layerCount }

    /// Where a layer's part of block 0 begins.
    func base(layer: Int) -> UnsafeMutableRawPointer { arena.base + layer * layerBytes }

    func keysOffset(kvHead: Int) -> Int { kvHead * headBytes }
    func valuesOffset(kvHead: Int) -> Int { (kvHeadCount + kvHead) * headBytes }

    /// Copies the first `tokens` positions of a block, in every layer.
    func copy(from source: Int, to destination: Int, tokens: Int) {
        let element = type.elementBytes
        let codes = headDim * KVGeometry.blockTokens * element
        for part in 0..<layerCount * 2 * kvHeadCount {
            let from = base(layer: 0) + source * blockStride + part * headBytes
            let to = base(layer: 0) + destination * blockStride + part * headBytes
            if part / kvHeadCount % 2 == 1 {
                to.copyMemory(from: from, byteCount: tokens * headDim * element)
            } else {
                copyRows(headDim, from, to, elementBytes: element, tokens)
            }
            copyRows(type.runs(headDim), from + codes, to + codes, elementBytes: 2, tokens)
        }
    }

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
