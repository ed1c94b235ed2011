/// Random numbers without a state: each is a function of where it is used.
///
/// So a choice draws the same numbers whatever else runs, in whatever order. The mixing function is
/// the finalizer of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
struct CounterRandom: Sendable {
    /// The stream of one choice of one request.
    private let stream: UInt64

    private static let goldenGamma: UInt64 = 0x9E37_79B9_7F4A_7C15

    init(seed: UInt64, choice: Int) {
        let mixed = Self.mix(seed &+ Self.goldenGamma)
        stream = Self.mix(mixed ^ Self.mix(UInt64(truncatingIfNeeded: choice) &+ 2 &* Self.goldenGamma))
    }

    /// The numbers for the answer's token at `position`.
    func chances(position: Int) -> TokenChances {
        TokenChances(draw: uniform(position: position), exclusion: number(~stream, position))
    }

    /// The number for the answer's token at `position`, in 0 ..< 1 with 53 random bits.
    func uniform(position: Int) -> Double { number(stream, position) }

    private func number(_ stream: UInt64, _ position: Int) -> Double {
        let bits = Self.mix(stream &+ (UInt64(truncatingIfNeeded: position) &+ 1) &* Self.goldenGamma)
        return Double(bits >> 11) * 0x1p-53
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var bits = value
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}
