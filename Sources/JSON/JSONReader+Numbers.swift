extension JSONReader {
    /// A number (RFC 8259, section 6): `-? (0 | [1-9][0-9]*) (\. [0-9]+)? ([eE] [+-]? [0-9]+)?`.
    mutating func readNumber() throws(JSONError) -> JSONToken {
        let start = offset
        var isInteger = true
        let isNegative = take(UInt8(ascii: "-"))
        if take(UInt8(ascii: "0")) {
            if let byte = peek(), isDigit(byte) {
                throw error("a number must not start with 0 and another digit")
            }
        } else {
            try takeDigits("a digit")
        }
        if take(UInt8(ascii: ".")) {
            isInteger = false
            try takeDigits("a digit after the decimal point")
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            isInteger = false
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try takeDigits("a digit of the exponent")
        }
        let literal = UnsafeRawBufferPointer(rebasing: bytes[start..<offset])
        guard literal.count <= limits.numberBytesMax else {
            throw error("a number is longer than \(limits.numberBytesMax) bytes", at: start)
        }
        if isInteger, let value = Self.integer(literal, isNegative: isNegative) { return .int(value) }
        // The standard library's conversion is correctly rounded and knows no locale.
        guard let value = Double(String(decoding: literal, as: UTF8.self)), value.isFinite else {
            throw error("a number is outside the range of a 64-bit float", at: start)
        }
        return .number(value)
    }

    /// The value of a validated literal; nil when it overflows or is `-0`, whose sign an integer would lose.
    private static func integer(_ literal: UnsafeRawBufferPointer, isNegative: Bool) -> Int64? {
        var value: Int64 = 0
        for byte in literal.dropFirst(isNegative ? 1 : 0) {
            // Counted downwards: the most negative integer has no positive twin.
            let (product, overflows) = value.multipliedReportingOverflow(by: 10)
            let (sum, sumOverflows) = product.subtractingReportingOverflow(Int64(byte &- UInt8(ascii: "0")))
            if overflows || sumOverflows { return nil }
            value = sum
        }
        if isNegative { return value == 0 ? nil : value }
        return value == .min ? nil : -value
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        offset += 1
        return true
    }

    private mutating func takeDigits(_ expected: String) throws(JSONError) {
        guard let first = peek(), isDigit(first) else { throw unexpected(expected) }
        while let byte = peek(), isDigit(byte) { offset += 1 }
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
}
