/// How a value is to look, in Python's format mini-language:
/// `[[fill]align][sign][#][0][width][,][.precision][type]`.
struct FormatSpecification {
    var fill = MarkedString(" ")
    var alignment: Character?
    var sign: Character = "-"
    var isAlternate = false
    var isZeroPadded = false
    var width = 0
    var grouping: Character?
    var precision: Int?
    var type: Character?

    init() {}

    /// nil when `text` is no specification.
    init?(_ text: MarkedString) {
        var rest = Array(text.text.unicodeScalars.map(Character.init))[...]
        let alignments: Set<Character> = ["<", ">", "^", "="]
        if rest.count > 1, alignments.contains(rest[rest.startIndex + 1]), let first = rest.popFirst() {
            fill = MarkedString(String(first), isTemplate: text.isTemplate(at: 0))
            alignment = rest.popFirst()
        } else if let first = rest.first, alignments.contains(first) {
            alignment = rest.popFirst()
        }
        if let first = rest.first, ["+", "-", " "].contains(first), let taken = rest.popFirst() {
            sign = taken
        }
        isAlternate = Self.take("#", &rest)
        isZeroPadded = Self.take("0", &rest)
        width = Self.takeNumber(&rest) ?? 0
        if Self.take(",", &rest) { grouping = "," } else if Self.take("_", &rest) { grouping = "_" }
        if Self.take(".", &rest) {
            guard let digits = Self.takeNumber(&rest), digits <= NumberFormat.digitsMax else { return nil }
            precision = digits
        }
        type = rest.popFirst()
        guard rest.isEmpty, width <= 1 << 20 else { return nil }
    }

    private static func take(_ character: Character, _ rest: inout ArraySlice<Character>) -> Bool {
        guard rest.first == character else { return false }
        rest.removeFirst()
        return true
    }

    private static func takeNumber(_ rest: inout ArraySlice<Character>) -> Int? {
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        rest = rest.dropFirst(digits.count)
        return Int(String(digits))
    }
}

extension Interpreter {
    /// `value` as `specification` wants it.
    func format(_ value: Value, _ specification: FormatSpecification) throws(TemplateError) -> MarkedString {
        switch value {
        case .int, .bool:
            if specification.type == "s" { break }
            return try formatNumber(value, specification)
        case .float: return try formatNumber(value, specification)
        default: break
        }
        guard specification.type == nil || specification.type == "s" else {
            throw failure("the format '\(specification.type ?? "s")' does not fit a '\(value.typeName)'")
        }
        var text = try print(value)
        if let precision = specification.precision {
            let offsets = text.characterOffsets()
            text = text.slice(0..<offsets[min(precision, offsets.count - 1)])
        }
        return try align(text, specification, usual: "<")
    }

    private func formatNumber(_ value: Value, _ specification: FormatSpecification) throws(TemplateError)
        -> MarkedString
    {
        let type = specification.type
        var sign = ""
        var digits: String
        if let int = value.int, type == nil || "dboxXnc".contains(type ?? "d") {
            if type == "c" {
                guard let code = UInt32(exactly: int), let scalar = Unicode.Scalar(code) else {
                    throw failure("\(int) is no character")
                }
                // A character made of a number has not been part of the template's text.
                let character = MarkedString(String(Character(scalar)), isTemplate: false)
                return try align(character, specification, usual: "<")
            }
            digits = NumberFormat.magnitude(int, type ?? "d")
            if specification.isAlternate, let type, "box".contains(type.lowercased()) {
                digits = "0\(type)" + digits
            }
            if int < 0 { sign = "-" }
        } else {
            guard let number = value.double else {
                throw failure("a number is needed, not '\(value.typeName)'")
            }
            digits = try floatDigits(number.magnitude, specification)
            if number.sign == .minus { sign = "-" }
        }
        if sign.isEmpty, specification.sign != "-" { sign = String(specification.sign) }
        if let grouping = specification.grouping { digits = NumberFormat.grouped(digits, by: grouping) }
        if specification.isZeroPadded, specification.alignment == nil {
            digits =
                String(repeating: "0", count: max(0, specification.width - sign.count - digits.count))
                + digits
        }
        if specification.alignment == "=" {
            var inner = specification
            inner.width = max(0, inner.width - sign.count)
            inner.alignment = ">"
            var result = MarkedString(sign)
            result.append(try align(MarkedString(digits), inner, usual: ">"))
            return result
        }
        return try align(MarkedString(sign + digits), specification, usual: ">")
    }

    private func floatDigits(_ number: Double, _ specification: FormatSpecification) throws(TemplateError)
        -> String
    {
        switch specification.type {
        case nil:
            guard let precision = specification.precision else { return PythonFloat.description(of: number) }
            return NumberFormat.print(number, "g", precision)
        case "e"?, "E"?, "f"?, "F"?, "g"?, "G"?:
            return NumberFormat.print(
                number, specification.type ?? "g", specification.precision ?? 6,
                alternate: specification.isAlternate)
        case "%"?: return NumberFormat.fixed(number * 100, digits: specification.precision ?? 6) + "%"
        case let type?: throw failure("the format '\(type)' does not fit a number")
        }
    }

    private func align(
        _ text: MarkedString, _ specification: FormatSpecification, usual: Character
    ) throws(TemplateError) -> MarkedString {
        switch specification.alignment ?? usual {
        case ">": return try pad(text, to: specification.width, .right, fill: specification.fill)
        case "^":
            let missing = max(0, specification.width - text.characterCount)
            let left = try pad(
                text, to: specification.width - (missing + 1) / 2, .right, fill: specification.fill)
            return try pad(left, to: specification.width, .left, fill: specification.fill)
        default: return try pad(text, to: specification.width, .left, fill: specification.fill)
        }
    }
}
