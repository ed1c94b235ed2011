/// Eight logits at once.
typealias Lanes = SIMD8<Float>

extension SIMD8 where Scalar == Float {
    @inline(__always)
    static func load(_ pointer: UnsafePointer<Float>, _ index: Int) -> Lanes {
        UnsafeRawPointer(pointer + index).loadUnaligned(as: Lanes.self)
    }

    @inline(__always)
    func store(_ pointer: UnsafeMutablePointer<Float>, _ index: Int) {
        UnsafeMutableRawPointer(pointer + index).storeBytes(of: self, as: Lanes.self)
    }

    /// e to the power of each lane, for lanes up to 0; relative error below 3e-7, and exactly 0 below -87.
    ///
    /// e^x = 2^n · e^r with n = round(x / ln 2), so that |r| <= ln 2 / 2; e^r is its Taylor series up to
    /// r^7, whose rest is below 6e-9. ln 2 is subtracted in two parts, the first with few enough bits
    /// for n times it to be exact.
    @inline(__always)
    func exponential() -> Lanes {
        let smallest: Float = -87
        let underflows = self .< Lanes(repeating: smallest)
        let x = self.replacing(with: smallest, where: underflows)
        // Adding 1.5 · 2^23 rounds to an integer and leaves it in the low bits.
        let roundingShift: Float = 0x1.8p23
        let shifted = x * 1.442_695_04 + roundingShift
        let n = shifted - roundingShift
        let r = (x - n * 0x1.62e4p-1) - n * 1.428_606_8e-6
        var sum = r * (1.0 / 5040) + (1.0 / 720)
        sum = sum * r + (1.0 / 120)
        sum = sum * r + (1.0 / 24)
        sum = sum * r + (1.0 / 6)
        sum = sum * r + 0.5
        sum = sum * r + 1
        sum = sum * r + 1
        let exponent = unsafeBitCast(shifted, to: SIMD8<UInt32>.self) &+ 127
        let power = unsafeBitCast(exponent &<< 23, to: Lanes.self)
        return (sum * power).replacing(with: 0, where: underflows)
    }
}
