/// A keyed hash of byte strings: each eight bytes are folded in with one 64 × 64 → 128 bit multiplication.
/// The seed is fresh in every process, so that no vocabulary and no text can be built to collide.
struct ByteHash: Sendable {
    private let seed = UInt64.random(in: .min ... .max) | 1
    private static let factor: UInt64 = 0x9E37_79B9_7F4A_7C15

    @inline(__always)
    func callAsFunction(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
        let raw = UnsafeRawPointer(bytes)
        var hash = seed ^ UInt64(truncatingIfNeeded: count)
        if count >= 8 {
            var at = 0
            while at + 8 < count {
                hash = fold(hash ^ raw.loadUnaligned(fromByteOffset: at, as: UInt64.self))
                at += 8
            }
            // The last eight bytes, which may overlap those before.
            return fold(hash ^ raw.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self))
        }
        if count >= 4 {
            let low = UInt64(raw.loadUnaligned(as: UInt32.self))
            let high = UInt64(raw.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
            return fold(hash ^ (high << 32 | low))
        }
        guard count > 0 else { return fold(hash) }
        let word = UInt64(bytes[0]) | UInt64(bytes[count / 2]) << 8 | UInt64(bytes[count - 1]) << 16
        return fold(hash ^ word)
    }

    @inline(__always)
    func callAsFunction(_ word: UInt64) -> UInt64 {
        fold(seed ^ word)
    }

    @inline(__always)
    private func fold(_ word: UInt64) -> UInt64 {
        let product = (word ^ seed).multipliedFullWidth(by: Self.factor)
        return product.high ^ product.low
    }
}
