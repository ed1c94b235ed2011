import Compute

/// Random tensor data of any type: random bits under scales that keep the values small.
public struct RandomWeights {
    private var generator: SplitMix64

    public init(seed: UInt64) { generator = SplitMix64(seed: seed) }

    /// The data of a tensor whose values lie about evenly within ± `amplitude`.
    ///
    /// - Parameter count: elements, a whole number of blocks.
    public mutating func data(_ type: TensorType, count: Int, amplitude: Float) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(count / type.blockElements * type.blockBytes)
        for _ in 0..<count / type.blockElements { out += block(type, amplitude) }
        return out
    }

    /// Weights of a norm, in f32: within a fifth of the mean.
    public mutating func norm(count: Int, mean: Float) -> [UInt8] {
        (0..<count).flatMap { _ in
            bytes((mean * Float.random(in: 0.8...1.2, using: &generator)).bitPattern)
        }
    }

    /// The layouts are those of Sources/CKernels/dequantize.c; the factors make the largest value of a block
    /// about the amplitude, or for the K types, whose sub-block scales are random too, the largest of many.
    private mutating func block(_ type: TensorType, _ amplitude: Float) -> [UInt8] {
        let value = Float.random(in: -amplitude...amplitude, using: &generator)
        switch type {
        case .f32: return bytes(value.bitPattern)
        case .f16: return half(value)
        case .bf16: return bytes(UInt16(truncatingIfNeeded: value.bitPattern >> 16))
        case .q4_0: return half(amplitude / 8) + noise(16)
        case .q4_1: return half(amplitude * 2 / 15) + half(-amplitude) + noise(16)
        case .q5_0: return half(amplitude / 16) + noise(20)
        case .q5_1: return half(amplitude * 2 / 31) + half(-amplitude) + noise(20)
        case .q8_0: return half(amplitude / 127) + noise(32)
        case .q2_K: return noise(80) + half(amplitude / 22) + half(amplitude / 15)
        case .q3_K: return noise(108) + half(amplitude / 128)
        case .q4_K: return half(amplitude / 472) + half(amplitude / 63) + noise(140)
        case .q5_K: return half(amplitude / 976) + half(amplitude / 63) + noise(172)
        case .q6_K: return noise(208) + half(amplitude / 4_096)
        case .iq4_NL: return half(amplitude / 127) + noise(16)
        case .iq4_XS: return half(amplitude / 4_064) + noise(134)
        case .mxfp4: return [UInt8(clamping: 127 + Int((amplitude / 6).exponent))] + noise(16)
        }
    }

    private mutating func noise(_ count: Int) -> [UInt8] {
        var out: [UInt8] = []
        while out.count < count { out += bytes(generator.next()) }
        return Array(out.prefix(count))
    }

    private func half(_ value: Float) -> [UInt8] { bytes(Float16(value).bitPattern) }

    private func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }
}
