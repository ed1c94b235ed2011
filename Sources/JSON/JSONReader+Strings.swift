extension JSONReader {
    /// A string (RFC 8259, section 7), decoded. The reader stands on the opening quote.
    mutating func readString() throws(JSONError) -> String {
        let start = offset
        offset += 1
        try skipPlainBytes(ofStringAt: start)
        if peek() == UInt8(ascii: "\"") {
            let text = try text(start + 1..<offset)
            offset += 1
            return text
        }
        offset = start + 1
        return try readStringWithEscapes(from: start)
    }

    /// The slow path gathers the decoded bytes in a buffer.
    private mutating func readStringWithEscapes(from start: Int) throws(JSONError) -> String {
        var decoded: [UInt8] = []
        while true {
            let runStart = offset
            try skipPlainBytes(ofStringAt: start)
            try validate(runStart..<offset)
            decoded.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[runStart..<offset]))
            if peek() == UInt8(ascii: "\"") { break }
            try readEscape(into: &decoded)
        }
        offset += 1
        return String(decoding: decoded, as: UTF8.self)
    }

    /// Moves to the next quote or backslash; refuses control characters and the end of the document.
    private mutating func skipPlainBytes(ofStringAt start: Int) throws(JSONError) {
        var index = offset
        while index < bytes.count {
            let byte = bytes[index]
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { break }
            index += 1
        }
        offset = index
        guard let byte = peek() else {
            throw unexpected("a closing quote for the string that began at byte \(start)")
        }
        guard byte >= 0x20 else {
            let code = String(byte, radix: 16)
            throw error("a string holds the control character 0x\(code); write it as an escape")
        }
    }

    private mutating func readEscape(into decoded: inout [UInt8]) throws(JSONError) {
        let start = offset
        offset += 1
        switch peek() {
        case UInt8(ascii: "\""): decoded.append(UInt8(ascii: "\""))
        case UInt8(ascii: "\\"): decoded.append(UInt8(ascii: "\\"))
        case UInt8(ascii: "/"): decoded.append(UInt8(ascii: "/"))
        case UInt8(ascii: "b"): decoded.append(0x08)
        case UInt8(ascii: "f"): decoded.append(0x0C)
        case UInt8(ascii: "n"): decoded.append(0x0A)
        case UInt8(ascii: "r"): decoded.append(0x0D)
        case UInt8(ascii: "t"): decoded.append(0x09)
        case UInt8(ascii: "u"):
            offset += 1
            let scalar = try readUnicodeEscape(from: start)
            decoded.append(contentsOf: String(Character(scalar)).utf8)
            return
        default: throw unexpected("one of \" \\ / b f n r t u after a backslash")
        }
        offset += 1
    }

    /// The digits of `\uXXXX`, or of two that make a surrogate pair; half a pair is refused.
    private mutating func readUnicodeEscape(from start: Int) throws(JSONError) -> Unicode.Scalar {
        var code = try readHexQuad()
        if code & 0xFC00 == 0xD800, peek() == UInt8(ascii: "\\") {
            offset += 1
            guard peek() == UInt8(ascii: "u") else { throw loneSurrogate(at: start) }
            offset += 1
            let low = try readHexQuad()
            guard low & 0xFC00 == 0xDC00 else { throw loneSurrogate(at: start) }
            code = 0x10000 + (code & 0x3FF) << 10 + (low & 0x3FF)
        }
        guard let scalar = Unicode.Scalar(code) else { throw loneSurrogate(at: start) }
        return scalar
    }

    private mutating func readHexQuad() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek(), let digit = hexDigit(byte) else {
                throw unexpected("four hexadecimal digits after \\u")
            }
            value = value << 4 | UInt32(digit)
            offset += 1
        }
        return value
    }

    private func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private func loneSurrogate(at offset: Int) -> JSONError {
        error("a \\u escape names half of a surrogate pair, which is no character", at: offset)
    }

    // MARK: - UTF-8

    private func text(_ range: Range<Int>) throws(JSONError) -> String {
        try validate(range)
        return String(decoding: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self)
    }

    private func validate(_ range: Range<Int>) throws(JSONError) {
        guard let place = UTF8Check.firstInvalid(in: UnsafeRawBufferPointer(rebasing: bytes[range])) else {
            return
        }
        throw error("a string is not valid UTF-8 here", at: range.lowerBound + place)
    }
}
