/// GPT-2's alphabet: every byte is one printable character, so that a vocabulary file is text.
///
/// The bytes 0x21–0x7E, 0xA1–0xAC and 0xAE–0xFF stand for themselves; the other 68, in order, are U+0100,
/// U+0101, … Source: `bytes_to_unicode` of the GPT-2 release.
enum ByteAlphabet {
    /// The byte of each code point below 0x144; -1 for those that stand for none.
    private static let byteOfCodePoint: [Int16] = {
        var bytes = [Int16](repeating: -1, count: 0x144)
        var next = 0x100
        for byte in 0..<256 {
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF:
                bytes[byte] = Int16(byte)
            default:
                bytes[next] = Int16(byte)
                next += 1
            }
        }
        return bytes
    }()

    /// Appends the bytes that `text` stands for. Returns false, with `bytes` unchanged, if a character of it
    /// stands for none.
    static func decode(_ text: UnsafeBufferPointer<UInt8>, into bytes: inout [UInt8]) -> Bool {
        let start = bytes.count
        guard let base = text.baseAddress else { return true }
        var at = 0
        while at < text.count {
            let scalar = UTF8Bytes.scalar(base, at, text.count)
            guard scalar.codePoint < 0x144, byteOfCodePoint[Int(scalar.codePoint)] >= 0 else {
                bytes.removeSubrange(start...)
                return false
            }
            bytes.append(UInt8(byteOfCodePoint[Int(scalar.codePoint)]))
            at += scalar.length
        }
        return true
    }
}
