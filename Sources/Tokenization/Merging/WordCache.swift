import ModelFiles

/// The tokens of words met before: nine words of ten in ordinary text.
///
/// A fixed number of slots of one cache line each, found by hash; a new word takes the place of the old one
/// in its slot. Only short words with few tokens are kept. Not for use by two threads at once.
final class WordCache {
    private static let slotCount = 1 << 14
    static let wordBytesMax = 23
    private static let tokensMax = 9

    /// [3 words of text and length | token count | 9 tokens]: 64 bytes.
    private static let slotBytes = 64
    private static let countOffset = 24
    private static let tokensOffset = 28
    private let slots: UnsafeMutableRawPointer

    /// A word as three integers, zero behind its end; the last byte is its length, which is never 0.
    struct Key: Equatable {
        var low: UInt64
        var middle: UInt64
        var high: UInt64

        /// - Parameter readable: how many bytes from `word` on belong to the text.
        @inline(__always)
        init(_ word: UnsafePointer<UInt8>, _ count: Int, readable: Int) {
            var words: (UInt64, UInt64, UInt64) = (0, 0, 0)
            if readable >= 24 {
                let raw = UnsafeRawPointer(word)
                words.0 = raw.loadUnaligned(as: UInt64.self)
                words.1 = raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
                words.2 = raw.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
            } else {
                withUnsafeMutableBytes(of: &words) {
                    $0.copyMemory(from: UnsafeRawBufferPointer(start: word, count: count))
                }
            }
            low = words.0 & Self.mask(count)
            middle = words.1 & Self.mask(count - 8)
            high = words.2 & Self.mask(count - 16) | UInt64(truncatingIfNeeded: count) << 56
        }

        /// Keeps the first `count` bytes of eight; none below 0, all above 8.
        @inline(__always)
        private static func mask(_ count: Int) -> UInt64 {
            if count >= 8 { return .max }
            return count <= 0 ? 0 : UInt64.max >> UInt64(64 - 8 * count)
        }

        @inline(__always)
        var slot: Int {
            var hash = low &* 0x9E37_79B9_7F4A_7C15
            hash = (hash ^ hash >> 32 ^ middle) &* 0xD6E8_FEB8_6659_FD93
            hash = (hash ^ hash >> 32 ^ high) &* 0x9E37_79B9_7F4A_7C15
            return Int(truncatingIfNeeded: hash >> 40) & (WordCache.slotCount - 1)
        }
    }

    init() {
        slots = .allocate(byteCount: Self.slotCount * Self.slotBytes, alignment: Self.slotBytes)
        slots.initializeMemory(as: UInt8.self, repeating: 0, count: Self.slotCount * Self.slotBytes)
    }

    deinit { slots.deallocate() }

    /// Appends the word's tokens if they are known.
    @inline(__always)
    func append(_ key: Key, to tokens: inout [TokenID]) -> Bool {
        let slot = slots + key.slot * Self.slotBytes
        guard slot.load(as: UInt64.self) == key.low,
            slot.load(fromByteOffset: 8, as: UInt64.self) == key.middle,
            slot.load(fromByteOffset: 16, as: UInt64.self) == key.high
        else { return false }
        let count = Int(slot.load(fromByteOffset: Self.countOffset, as: UInt32.self))
        for i in 0..<count {
            tokens.append(slot.load(fromByteOffset: Self.tokensOffset + 4 * i, as: TokenID.self))
        }
        return true
    }

    func insert(_ key: Key, _ tokens: ArraySlice<TokenID>) {
        guard tokens.count <= Self.tokensMax else { return }
        let slot = slots + key.slot * Self.slotBytes
        slot.storeBytes(of: key.low, as: UInt64.self)
        slot.storeBytes(of: key.middle, toByteOffset: 8, as: UInt64.self)
        slot.storeBytes(of: key.high, toByteOffset: 16, as: UInt64.self)
        slot.storeBytes(
            of: UInt32(truncatingIfNeeded: tokens.count), toByteOffset: Self.countOffset, as: UInt32.self)
        for (i, token) in tokens.enumerated() {
            slot.storeBytes(of: token, toByteOffset: Self.tokensOffset + 4 * i, as: TokenID.self)
        }
    }
}
