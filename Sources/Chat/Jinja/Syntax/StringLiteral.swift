/// The escapes of Python's string literals, which Jinja takes over.
enum StringLiteral {
    /// The text of a literal without its quotes. An escape that Python does not know stays as it is.
    static func decode(_ literal: ArraySlice<UInt8>) -> [UInt8] {
        guard literal.contains(UInt8(ascii: "\\")) else { return Array(literal) }
        var result: [UInt8] = []
        var rest = literal
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let letter = rest.popFirst() else {
                result.append(byte)
                continue
            }
            switch letter {
            case 0x0A: break  // A backslash at the end of a line joins the lines.
            case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): result.append(letter)
            case UInt8(ascii: "n"): result.append(0x0A)
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "r"): result.append(0x0D)
            case UInt8(ascii: "a"): result.append(0x07)
            case UInt8(ascii: "b"): result.append(0x08)
            case UInt8(ascii: "f"): result.append(0x0C)
            case UInt8(ascii: "v"): result.append(0x0B)
            case UInt8(ascii: "x"): appendCode(&result, letter, &rest, digits: 2)
            case UInt8(ascii: "u"): appendCode(&result, letter, &rest, digits: 4)
            case UInt8(ascii: "U"): appendCode(&result, letter, &rest, digits: 8)
            case UInt8(ascii: "0")...UInt8(ascii: "7"): appendOctal(&result, letter, &rest)
            default: result += [byte, letter]
            }
        }
        return result
    }

    private static func appendCode(
        _ result: inout [UInt8], _ letter: UInt8, _ rest: inout ArraySlice<UInt8>, digits: Int
    ) {
        let text = rest.prefix(digits)
        guard text.count == digits, text.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let code = UInt32(String(decoding: text, as: UTF8.self), radix: 16),
            let scalar = Unicode.Scalar(code)
        else {
            result += [UInt8(ascii: "\\"), letter]
            return
        }
        rest = rest.dropFirst(digits)
        result += Array(String(Character(scalar)).utf8)
    }

    /// Up to three octal digits.
    private static func appendOctal(_ result: inout [UInt8], _ first: UInt8, _ rest: inout ArraySlice<UInt8>)
    {
        var code = UInt32(first - UInt8(ascii: "0"))
        for _ in 0..<2 {
            guard let digit = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(digit) else {
                break
            }
            code = code << 3 | UInt32(digit - UInt8(ascii: "0"))
            rest = rest.dropFirst()
        }
        if let scalar = Unicode.Scalar(code) { result += Array(String(Character(scalar)).utf8) }
    }
}
