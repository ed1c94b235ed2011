import ModelFiles

/// Finds the token that has a given text: open addressing over the texts of a vocabulary.
///
/// Only texts that were inserted are found; a text that occurs twice belongs to the smaller id.
struct TokenTable: Sendable {
    private let hash: ByteHash
    /// A slot holds the upper half of the hash and, below it, the id + 1; 0 is an empty slot. At most half
    /// are full.
    private let slots: ConstantTable<UInt64>
    private let mask: Int
    private let bytes: ConstantTable<UInt8>
    private let offsets: ConstantTable<UInt32>
    /// No token that can be found has a longer text.
    let textBytesMax: Int

    /// - Parameter texts: at most 4 GiB in all; the caller has checked.
    /// - Parameter isFound: whether the token with this id takes part.
    init(_ texts: FlatStrings, where isFound: (Int) -> Bool) {
        let hash = ByteHash()
        let bytes = ConstantTable(texts.bytes)
        let offsets = ConstantTable(texts.offsets.map { UInt32(truncatingIfNeeded: $0) })
        var capacity = 16
        while capacity < 2 * texts.count { capacity *= 2 }
        var slots = [UInt64](repeating: 0, count: capacity)
        var textBytesMax = 0
        for id in 0..<texts.count where isFound(id) {
            let start = Int(offsets.base[id])
            let length = Int(offsets.base[id + 1]) - start
            guard length > 0 else { continue }
            let key = hash(bytes.base + start, length)
            var slot = Int(truncatingIfNeeded: key) & (capacity - 1)
            var isKnown = false
            while slots[slot] != 0 {
                if slots[slot] >> 32 == key >> 32 {
                    let other = Int(slots[slot] & 0xFFFF_FFFF) - 1
                    let otherStart = Int(offsets.base[other])
                    isKnown =
                        Int(offsets.base[other + 1]) - otherStart == length
                        && equalBytes(bytes.base + otherStart, bytes.base + start, length)
                    if isKnown { break }
                }
                slot = (slot + 1) & (capacity - 1)
            }
            if isKnown { continue }
            slots[slot] = (key >> 32) << 32 | UInt64(id + 1)
            textBytesMax = max(textBytesMax, length)
        }
        self.hash = hash
        self.slots = ConstantTable(slots)
        mask = capacity - 1
        self.bytes = bytes
        self.offsets = offsets
        self.textBytesMax = textBytesMax
    }

    /// The token with this text; -1 if there is none.
    func find(_ text: UnsafePointer<UInt8>, _ count: Int) -> TokenID {
        guard count > 0, count <= textBytesMax else { return -1 }
        let key = hash(text, count)
        var slot = Int(truncatingIfNeeded: key) & mask
        while true {
            let entry = slots.base[slot]
            if entry == 0 { return -1 }
            if entry >> 32 == key >> 32 {
                let id = Int(entry & 0xFFFF_FFFF) - 1
                let start = Int(offsets.base[id])
                if Int(offsets.base[id + 1]) - start == count, equalBytes(bytes.base + start, text, count) {
                    return TokenID(truncatingIfNeeded: id)
                }
            }
            slot = (slot + 1) & mask
        }
    }

    func find(_ text: some Collection<UInt8>) -> TokenID {
        Array(text).withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return -1 }
            return find(base, buffer.count)
        }
    }
}

/// Compares without a call for the short strings that tokens are.
@inline(__always)
func equalBytes(_ a: UnsafePointer<UInt8>, _ b: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    var at = 0
    let left = UnsafeRawPointer(a)
    let right = UnsafeRawPointer(b)
    while at + 8 <= count {
        if left.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            != right.loadUnaligned(fromByteOffset: at, as: UInt64.self)
        {
            return false
        }
        at += 8
    }
    while at < count {
        if a[at] != b[at] { return false }
        at += 1
    }
    return true
}
