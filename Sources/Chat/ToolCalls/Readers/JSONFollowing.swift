/// Follows one JSON value byte by byte without keeping it.
///
/// It finds the value's end and stops at bytes that no JSON has outside of strings; the value's grammar is not
/// checked.
struct JSONValueFollower: Sendable {
    enum Step {
        case inside
        /// The byte is the value's last one.
        case last
        /// The value ended before the byte.
        case after
        case broken
    }

    private enum State { case start, string, escape, scalar, between }

    private var state = State.start
    /// Open brackets.
    private var depth = 0

    mutating func take(_ byte: UInt8) -> Step {
        switch state {
        case .string:
            if byte == UInt8(ascii: "\\") { state = .escape }
            if byte == UInt8(ascii: "\"") {
                state = .between
                if depth == 0 { return .last }
            }
            return .inside
        case .escape:
            state = .string
            return .inside
        case .scalar:
            return Self.isBare(byte) ? .inside : .after
        case .start, .between:
            return outside(byte)
        }
    }

    private mutating func outside(_ byte: UInt8) -> Step {
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            depth += 1
            state = .between
            return .inside
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            guard depth > 0 else { return .broken }
            depth -= 1
            return depth == 0 ? .last : .inside
        case UInt8(ascii: "\""):
            state = .string
            return .inside
        case UInt8(ascii: ","), UInt8(ascii: ":"): return depth > 0 ? .inside : .broken
        case _ where byte.isASCIIWhitespace: return depth > 0 ? .inside : .broken
        case _ where Self.isBare(byte):
            if depth == 0 { state = .scalar }
            return .inside
        default: return .broken
        }
    }

    private static func isBare(_ byte: UInt8) -> Bool {
        byte.isASCIIDigit || byte.isASCIILetter || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
            || byte == UInt8(ascii: ".")
    }
}

/// Decodes the inside of a JSON string byte by byte.
struct JSONTextDecoder: Sendable {
    private enum State { case plain, escape, unit }

    private var state = State.plain
    private var digits = 0
    private var unit: UInt32 = 0
    /// The first half of a surrogate pair.
    private var high: UInt32?

    /// What the byte brought; nil for the quotation mark at the end.
    mutating func take(_ byte: UInt8) -> [UInt8]? {
        switch state {
        case .plain:
            switch byte {
            case UInt8(ascii: "\""): return nil
            case UInt8(ascii: "\\"):
                state = .escape
                return []
            default: return lone() + [byte]
            }
        case .escape: return escape(byte)
        case .unit:
            guard let digit = Self.hexDigit(byte) else {
                state = .plain
                return Self.utf8(0xFFFD) + [byte]
            }
            unit = unit << 4 | digit
            digits += 1
            guard digits == 4 else { return [] }
            state = .plain
            return finishUnit()
        }
    }

    private mutating func escape(_ byte: UInt8) -> [UInt8] {
        state = .plain
        switch byte {
        case UInt8(ascii: "n"): return lone() + [0x0A]
        case UInt8(ascii: "t"): return lone() + [0x09]
        case UInt8(ascii: "r"): return lone() + [0x0D]
        case UInt8(ascii: "b"): return lone() + [0x08]
        case UInt8(ascii: "f"): return lone() + [0x0C]
        case UInt8(ascii: "u"):
            (state, digits, unit) = (.unit, 0, 0)
            return []
        default: return lone() + [byte]
        }
    }

    private mutating func finishUnit() -> [UInt8] {
        if let high, (0xDC00...0xDFFF).contains(unit) {
            self.high = nil
            return Self.utf8(0x10000 + (high - 0xD800) << 10 + (unit - 0xDC00))
        }
        let before = lone()
        if (0xD800...0xDBFF).contains(unit) {
            high = unit
            return before
        }
        return before + Self.utf8(unit)
    }

    /// Half a pair without its other half is U+FFFD.
    private mutating func lone() -> [UInt8] {
        guard high != nil else { return [] }
        high = nil
        return Self.utf8(0xFFFD)
    }

    static func hexDigit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x30...0x39: UInt32(byte - 0x30)
        case 0x61...0x66: UInt32(byte - 0x57)
        case 0x41...0x46: UInt32(byte - 0x37)
        default: nil
        }
    }

    static func utf8(_ scalar: UInt32) -> [UInt8] {
        Array(String(Unicode.Scalar(scalar) ?? "\u{FFFD}").utf8)
    }
}
