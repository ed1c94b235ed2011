import Compute
import Glibc

/// Rotary position embedding, arXiv:2104.09864.
enum Rope {
    /// Radians a position, [dim / 2]: base^(-2i/dim), slowed by the stretch and the file's own factors.
    static func frequencies(dim: Int, base: Double, stretch: Double, factors: Buffer<Float>?) -> Buffer<Float>
    {
        let frequencies = Buffer<Float>(dim / 2)
        for i in 0..<dim / 2 {
            let factor = factors.map { Double($0.pointer[i]) } ?? 1
            frequencies.pointer[i] = Float(pow(base, -2 * Double(i) / Double(dim)) / (stretch * factor))
        }
        return frequencies
    }

    /// Cosines and sines of one position, [dim / 2] each. Angles are formed in double: at position 30,000 an
    /// f32 product would be off by a thousandth of a radian.
    static func angles(
        _ position: Int, _ frequencies: Buffer<Float>, cosines: UnsafeMutablePointer<Float>,
        sines: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<frequencies.count {
            let angle = Double(position) * Double(frequencies.pointer[i])
            cosines[i] = Float(cos(angle))
            sines[i] = Float(sin(angle))
        }
    }
}
