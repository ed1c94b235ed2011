import Compute

/// A small generator, so that a failing case can be run again.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64
    init(_ seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// Rows of random blocks of a type: any codes, and scales that stay finite.
func randomBlocks(_ type: TensorType, rows: Int, width: Int, _ random: inout SplitMix64) -> [UInt8] {
    let blocks = rows * width / type.blockElements
    var bytes = (0..<blocks * type.blockBytes).map { _ in UInt8.random(in: 0...255, using: &random) }
    for block in 0..<blocks {
        let at = block * type.blockBytes
        switch type {
        case .f32: put(Float.random(in: -2...2, using: &random).bitPattern, at: at, &bytes)
        case .bf16:
            put(
                UInt16(truncatingIfNeeded: Float.random(in: -2...2, using: &random).bitPattern >> 16), at: at,
                &bytes)
        case .mxfp4: bytes[at] = UInt8.random(in: 120...130, using: &random)
        default:
            for offset in type.halfFloatOffsets { put(smallHalf(&random), at: at + offset, &bytes) }
        }
    }
    return bytes
}

private func put<T: FixedWidthInteger>(_ value: T, at offset: Int, _ bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { for (i, byte) in $0.enumerated() { bytes[offset + i] = byte } }
}

/// A half float between 2^-9 and 2^-1 of either sign.
private func smallHalf(_ random: inout SplitMix64) -> UInt16 {
    let exponent = UInt16.random(in: 6...13, using: &random)
    return UInt16.random(in: 0...1, using: &random) << 15 | exponent << 10
        | UInt16.random(in: 0...1023, using: &random)
}

extension TensorType {
    /// Where a block keeps its f16 scales.
    fileprivate var halfFloatOffsets: [Int] {
        switch self {
        case .f16, .q4_0, .q5_0, .q8_0, .iq4_NL, .iq4_XS: [0]
        case .q4_1, .q5_1, .q4_K, .q5_K: [0, 2]
        case .q2_K: [80, 82]
        case .q3_K: [108]
        case .q6_K: [208]
        case .f32, .bf16, .mxfp4: []
        }
    }
}
