import JSON

/// Strings as Python sees them: sequences of code points.
extension MarkedString {
    /// The number of code points.
    var characterCount: Int {
        if isASCII { return count }
        return bytes.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
    }

    /// Where each code point begins, and the end.
    func characterOffsets() -> [Int] {
        if isASCII { return Array(0...count) }
        var offsets: [Int] = []
        for (offset, byte) in bytes.enumerated() where byte & 0xC0 != 0x80 { offsets.append(offset) }
        offsets.append(count)
        return offsets
    }

    /// The code point that begins at `offset`, and where the next one begins.
    func scalar(at offset: Int) -> (scalar: Unicode.Scalar, end: Int) {
        let lead = bytes[offset]
        if lead < 0x80 { return (Unicode.Scalar(lead), offset + 1) }
        let length = bytes.withUnsafeBytes { UTF8Check.sequenceLength($0, at: offset) } ?? 1
        var code = UInt32(lead) & (0x7F >> UInt32(length))
        for byte in bytes[(offset + 1)..<(offset + length)] { code = code << 6 | UInt32(byte & 0x3F) }
        return (Unicode.Scalar(code) ?? "\u{FFFD}", offset + length)
    }

    /// The code points one by one, each with its bytes' range.
    func forEachScalar(_ body: (Unicode.Scalar, Range<Int>) -> Void) {
        var offset = 0
        while offset < count {
            let (scalar, end) = scalar(at: offset)
            body(scalar, offset..<end)
            offset = end
        }
    }

    /// The string with each code point replaced by what `change` makes of it, under the same mark.
    /// `change` gets the code point and its index.
    func mapScalars(_ change: (Unicode.Scalar, Int) -> String) -> MarkedString {
        var result = MarkedString()
        var index = 0
        forEachScalar { scalar, range in
            result.append(change(scalar, index), isTemplate: isTemplate(at: range.lowerBound))
            index += 1
        }
        return result
    }

    func uppercased() -> MarkedString { mapScalars { scalar, _ in scalar.properties.uppercaseMapping } }
    func lowercased() -> MarkedString { mapScalars { scalar, _ in scalar.properties.lowercaseMapping } }

    /// The first code point in title case, the others in lower case.
    func capitalized() -> MarkedString {
        mapScalars { $1 == 0 ? $0.properties.titlecaseMapping : $0.properties.lowercaseMapping }
    }

    /// Each letter that follows no letter in title case, the others in lower case (`str.title`).
    func titlecased() -> MarkedString {
        var followsLetter = false
        return mapScalars { scalar, _ in
            defer { followsLetter = scalar.properties.isCased }
            return followsLetter ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping
        }
    }
}

extension Unicode.Scalar {
    /// What `str.isspace`, `str.strip` and `str.split` take for white space.
    var isPythonSpace: Bool {
        switch value {
        case 0x09...0x0D, 0x1C...0x20: true
        case 0...0x7F: false
        default: properties.isWhitespace
        }
    }
}
