/// Reading and writing UTF-8 by hand: Unicode 15.1, table 3-7.
enum UTF8Bytes {
    /// One code point and the bytes it took. Bytes that are not UTF-8 read as U+FFFD, one at a time.
    struct Scalar {
        var codePoint: UInt32
        var length: Int
    }

    static let malformed = Scalar(codePoint: UnicodeData.replacement, length: 1)

    /// Reads the scalar at `text[at]`; the caller knows that `at < end`.
    @inline(__always)
    static func scalar(_ text: UnsafePointer<UInt8>, _ at: Int, _ end: Int) -> Scalar {
        let first = text[at]
        if first < 0x80 { return Scalar(codePoint: UInt32(first), length: 1) }
        return multibyte(text, at, end)
    }

    static func multibyte(_ text: UnsafePointer<UInt8>, _ at: Int, _ end: Int) -> Scalar {
        let first = text[at]
        let length = sequenceLength(first)
        guard length > 1, end - at >= length, isSecond(text[at + 1], after: first) else { return malformed }
        var codePoint = UInt32(first & (0x7F >> UInt8(length)))
        for next in at + 1..<at + length {
            guard text[next] & 0xC0 == 0x80 else { return malformed }
            codePoint = codePoint << 6 | UInt32(text[next] & 0x3F)
        }
        return Scalar(codePoint: codePoint, length: length)
    }

    /// The bytes of the sequence that starts with `first`; 0 if none does.
    @inline(__always)
    static func sequenceLength(_ first: UInt8) -> Int {
        switch first {
        case 0..<0x80: 1
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 0
        }
    }

    /// Whether `second` may follow `first`: neither overlong, nor a surrogate, nor past U+10FFFF.
    @inline(__always)
    static func isSecond(_ second: UInt8, after first: UInt8) -> Bool {
        switch first {
        case 0xE0: 0xA0...0xBF ~= second
        case 0xED: 0x80...0x9F ~= second
        case 0xF0: 0x90...0xBF ~= second
        case 0xF4: 0x80...0x8F ~= second
        default: second & 0xC0 == 0x80
        }
    }

    enum Step {
        /// A character of so many bytes.
        case whole(Int)
        /// So many bytes that are no character and no start of one.
        case broken(Int)
        /// The start of a character, up to the end of the text.
        case partial
    }

    /// What stands at `text[at]`; the caller knows that `at < end`.
    static func step(_ text: UnsafePointer<UInt8>, _ at: Int, _ end: Int) -> Step {
        let first = text[at]
        let length = sequenceLength(first)
        if length == 1 { return .whole(1) }
        if length == 0 { return .broken(1) }
        for next in 1..<length {
            guard at + next < end else { return .partial }
            let byte = text[at + next]
            let isContinuation = next == 1 ? isSecond(byte, after: first) : byte & 0xC0 == 0x80
            if !isContinuation { return .broken(next) }
        }
        return .whole(length)
    }

    static func append(_ codePoint: UInt32, to bytes: inout [UInt8]) {
        switch codePoint {
        case 0..<0x80:
            bytes.append(UInt8(codePoint))
        case 0x80..<0x800:
            bytes.append(0xC0 | UInt8(codePoint >> 6))
            bytes.append(0x80 | UInt8(codePoint & 0x3F))
        case 0x800..<0x10000:
            bytes.append(0xE0 | UInt8(codePoint >> 12))
            bytes.append(0x80 | UInt8(codePoint >> 6 & 0x3F))
            bytes.append(0x80 | UInt8(codePoint & 0x3F))
        default:
            bytes.append(0xF0 | UInt8(codePoint >> 18 & 0x07))
            bytes.append(0x80 | UInt8(codePoint >> 12 & 0x3F))
            bytes.append(0x80 | UInt8(codePoint >> 6 & 0x3F))
            bytes.append(0x80 | UInt8(codePoint & 0x3F))
        }
    }
}
