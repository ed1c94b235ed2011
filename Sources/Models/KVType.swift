import CKernels

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
