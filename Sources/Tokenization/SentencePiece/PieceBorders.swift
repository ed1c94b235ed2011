/// Where text can be cut before it is merged, without any effect on the tokens: between two bytes that stand
/// side by side in no token. In most vocabularies a space never follows a letter inside a token, so words are
/// such parts.
struct PieceBorders: Sendable {
    /// Bit 256 * left + right: whether a token has these neighbours. A space and ▁ both count as the byte
    /// 0x20.
    private let neighbours: ConstantTable<UInt64>

    init(_ texts: FlatStrings, where counts: (Int) -> Bool) {
        var bits = [UInt64](repeating: 0, count: 65536 / 64)
        texts.bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            for id in 0..<texts.count where counts(id) {
                let end = texts.offsets[id + 1]
                var left: UInt8?
                var at = texts.offsets[id]
                while at < end {
                    let isMark = SpaceMark.isAt(at, base, end)
                    let right = isMark ? UInt8(ascii: " ") : base[at]
                    if let left {
                        let pair = Int(left) << 8 | Int(right)
                        bits[pair >> 6] |= 1 << UInt64(pair & 63)
                    }
                    left = right
                    at += isMark ? 3 : 1
                }
            }
        }
        neighbours = ConstantTable(bits)
    }

    /// Whether no token has `left` and `right` side by side. The caller passes 0x20 for ▁.
    @inline(__always)
    func isBorder(_ left: UInt8, _ right: UInt8) -> Bool {
        let pair = Int(left) << 8 | Int(right)
        return neighbours.base[pair >> 6] & 1 << UInt64(pair & 63) == 0
    }
}
