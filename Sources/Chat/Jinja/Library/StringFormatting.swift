extension Interpreter {
    // MARK: - "{}".format()

    /// Python's `str.format`: `{}`, `{0}`, `{name}`, `{a.b[c]}`, `{!r}`, `{:specification}`.
    func formatBraces(_ format: MarkedString, with arguments: Arguments) throws(TemplateError) -> MarkedString
    {
        var result = MarkedString()
        var nextIndex = 0
        var offset = 0
        while offset < format.count {
            let byte = format.bytes[offset]
            let isDoubled = offset + 1 < format.count && format.bytes[offset + 1] == byte
            if byte == UInt8(ascii: "{") && !isDoubled {
                let end = try fieldEnd(format, from: offset + 1)
                let field = format.slice((offset + 1)..<end)
                let value = try formatField(field, arguments, &nextIndex)
                try checkString(result.count + value.count)
                result.append(value)
                offset = end + 1
            } else if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}") {
                guard isDoubled else { throw failure("a single '}' in a format string") }
                result.append(format, offset..<offset + 1)
                offset += 2
            } else {
                var end = offset
                while end < format.count, !"{}".utf8.contains(format.bytes[end]) { end += 1 }
                result.append(format, offset..<end)
                offset = end
            }
        }
        return result
    }

    private func fieldEnd(_ format: MarkedString, from start: Int) throws(TemplateError) -> Int {
        var depth = 0
        for offset in start..<format.count {
            switch format.bytes[offset] {
            case UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "}"):
                if depth == 0 { return offset }
                depth -= 1
            default: break
            }
        }
        throw failure("a format string lacks a '}'")
    }

    private func formatField(
        _ field: MarkedString, _ arguments: Arguments, _ nextIndex: inout Int
    ) throws(TemplateError) -> MarkedString {
        let parts = field.split(by: MarkedString(":"), limit: 1)
        let nameParts = parts[0].split(by: MarkedString("!"), limit: 1)
        var value = try fieldValue(nameParts[0], arguments, &nextIndex)
        if nameParts.count > 1 {
            switch nameParts[1].text {
            case "s": value = .string(try print(value))
            case "r", "a":
                var text = MarkedString()
                try represent(value, into: &text, depth: 0)
                value = .string(text)
            default: throw failure("the conversion '!\(nameParts[1].text)' is not known")
            }
        }
        guard parts.count > 1, !parts[1].isEmpty else { return try print(value) }
        // A specification may itself hold fields: "{:>{width}}".
        let text =
            parts[1].bytes.contains(UInt8(ascii: "{"))
            ? try nested { () throws(TemplateError) in try formatInner(parts[1], arguments, &nextIndex) }
            : parts[1]
        guard let specification = FormatSpecification(text) else {
            throw failure("'\(text.text)' is no format specification")
        }
        return try format(value, specification)
    }

    private func formatInner(
        _ text: MarkedString, _ arguments: Arguments, _ nextIndex: inout Int
    ) throws(TemplateError) -> MarkedString {
        var result = MarkedString()
        var rest = text
        while let open = rest.firstRange(of: MarkedString("{")) {
            result.append(rest, 0..<open.lowerBound)
            let end = try fieldEnd(rest, from: open.upperBound)
            result.append(try print(try fieldValue(rest.slice(open.upperBound..<end), arguments, &nextIndex)))
            rest = rest.slice((end + 1)..<rest.count)
        }
        result.append(rest)
        return result
    }

    /// The argument that a field names, and what `.attribute` and `[index]` behind it lead to.
    private func fieldValue(
        _ name: MarkedString, _ arguments: Arguments, _ nextIndex: inout Int
    ) throws(TemplateError) -> Value {
        let text = name.text
        let base = text.prefix { $0 != "." && $0 != "[" }
        var value: Value
        if base.isEmpty {
            value = try argument(nextIndex, arguments)
            nextIndex += 1
        } else if let index = Int(base) {
            value = try argument(index, arguments)
        } else if let found = arguments.named.last(where: { $0.name == base }) {
            value = found.value
        } else {
            throw failure("a format string names '\(base)', which is not among the arguments")
        }
        var rest = text.dropFirst(base.count)
        while let first = rest.popFirst() {
            if first == "." {
                let attribute = rest.prefix { $0 != "." && $0 != "[" }
                rest = rest.dropFirst(attribute.count)
                value = try self.attribute(AttributeName(String(attribute)), of: value)
            } else {
                let index = rest.prefix { $0 != "]" }
                rest = rest.dropFirst(index.count + 1)
                value = try item(Int(index).map(Value.int) ?? .text(String(index)), of: value)
            }
        }
        return value
    }

    private func argument(_ index: Int, _ arguments: Arguments) throws(TemplateError) -> Value {
        guard arguments.positional.indices.contains(index) else {
            throw failure("a format string needs more arguments than the \(arguments.positional.count) given")
        }
        return arguments.positional[index]
    }

    // MARK: - "%s" % values

    /// The operator `%` of a string.
    func formatPercent(_ format: MarkedString, with value: Value) throws(TemplateError) -> MarkedString {
        if case .dictionary(let dictionary) = value { return try formatPercent(format, [value], dictionary) }
        if case .tuple(let elements) = value { return try formatPercent(format, elements, nil) }
        return try formatPercent(format, [value], nil)
    }

    /// The filter `format`.
    func formatPercent(_ format: MarkedString, with arguments: Arguments) throws(TemplateError)
        -> MarkedString
    {
        guard !arguments.named.isEmpty else { return try formatPercent(format, arguments.positional, nil) }
        guard arguments.positional.isEmpty else {
            throw failure("the filter 'format' takes positional or keyword arguments, not both")
        }
        let dictionary = DictionaryValue()
        for (name, value) in arguments.named { dictionary.set(MarkedString(name), value) }
        return try formatPercent(format, [.dictionary(dictionary)], dictionary)
    }

    private func formatPercent(
        _ format: MarkedString, _ values: [Value], _ dictionary: DictionaryValue?
    ) throws(TemplateError) -> MarkedString {
        var result = MarkedString()
        var used = 0
        var offset = 0
        while offset < format.count {
            guard format.bytes[offset] == UInt8(ascii: "%") else {
                let end = format.firstRange(of: MarkedString("%"), from: offset)?.lowerBound ?? format.count
                result.append(format, offset..<end)
                offset = end
                continue
            }
            if offset + 1 < format.count, format.bytes[offset + 1] == UInt8(ascii: "%") {
                result.append(format, offset..<offset + 1)
                offset += 2
                continue
            }
            var conversion = try PercentConversion(format, from: offset + 1, self)
            offset = conversion.end
            if conversion.takesWidth {
                conversion.specification.width = try requireInt(try value(&used, values), "a format's width")
            }
            var argument: Value
            if let key = conversion.key {
                guard let dictionary else { throw failure("the format requires a mapping") }
                guard let found = dictionary[key] else {
                    throw failure("the format names the missing key '\(key.text)'")
                }
                argument = found
            } else {
                argument = try value(&used, values)
            }
            if "diu".contains(conversion.letter), case .float(let number) = argument {
                guard let int = Int(exactly: number.rounded(.towardZero)) else { throw overflow() }
                argument = .int(int)
            }
            let text = try conversion.apply(to: argument, self)
            try checkString(result.count + text.count)
            result.append(text)
        }
        if dictionary == nil, used < values.count {
            throw failure("not all arguments were converted during string formatting")
        }
        return result
    }

    private func value(_ used: inout Int, _ values: [Value]) throws(TemplateError) -> Value {
        guard used < values.count else { throw failure("not enough arguments for the format string") }
        used += 1
        return values[used - 1]
    }
}

/// One `%…` of a format string: `%[(key)][flags][width][.precision]letter`.
private struct PercentConversion {
    var key: MarkedString?
    var specification = FormatSpecification()
    var takesWidth = false
    var letter: Character = "s"
    /// The offset behind it.
    var end: Int

    init(_ format: MarkedString, from start: Int, _ interpreter: Interpreter) throws(TemplateError) {
        end = start
        let bytes = format.bytes
        let incomplete = interpreter.failure("an incomplete conversion in a format string")
        if end < bytes.count, bytes[end] == UInt8(ascii: "(") {
            guard let close = format.firstRange(of: MarkedString(")"), from: end) else { throw incomplete }
            key = format.slice((end + 1)..<close.lowerBound)
            end = close.upperBound
        }
        specification.alignment = ">"
        flags: while end < bytes.count {
            switch bytes[end] {
            case UInt8(ascii: "-"): specification.alignment = "<"
            case UInt8(ascii: "+"): specification.sign = "+"
            case UInt8(ascii: " "): if specification.sign != "+" { specification.sign = " " }
            case UInt8(ascii: "#"): specification.isAlternate = true
            case UInt8(ascii: "0"): specification.isZeroPadded = true
            default: break flags
            }
            end += 1
        }
        if end < bytes.count, bytes[end] == UInt8(ascii: "*") {
            takesWidth = true
            end += 1
        } else {
            specification.width = Self.number(bytes, &end) ?? 0
        }
        if end < bytes.count, bytes[end] == UInt8(ascii: ".") {
            end += 1
            specification.precision = Self.number(bytes, &end) ?? 0
        }
        guard end < bytes.count else { throw incomplete }
        letter = Character(Unicode.Scalar(bytes[end]))
        end += 1
        guard specification.width <= 1 << 20, specification.precision ?? 0 <= NumberFormat.digitsMax else {
            throw interpreter.limitReached("a format's width or precision is too large")
        }
    }

    private static func number(_ bytes: [UInt8], _ end: inout Int) -> Int? {
        let start = end
        while end < bytes.count, bytes[end] >= UInt8(ascii: "0"), bytes[end] <= UInt8(ascii: "9") { end += 1 }
        return start == end ? nil : Int(String(decoding: bytes[start..<end], as: UTF8.self)) ?? .max
    }

    func apply(to value: Value, _ interpreter: Interpreter) throws(TemplateError) -> MarkedString {
        var specification = specification
        switch letter {
        case "s", "r", "a":
            var text = MarkedString()
            if letter == "s" {
                text = try interpreter.print(value)
            } else {
                try interpreter.represent(value, into: &text, depth: 0)
            }
            specification.type = "s"
            return try interpreter.format(.string(text), specification)
        case "c":
            if case .string = value {
                specification.type = "s"
                return try interpreter.format(value, specification)
            }
            specification.type = "c"
        case "d", "i", "u": specification.type = "d"
        case "x", "X", "o", "e", "E", "f", "F", "g", "G": specification.type = letter
        default: throw interpreter.failure("the conversion '%\(letter)' is not known")
        }
        if specification.isZeroPadded, specification.alignment == ">" { specification.alignment = nil }
        return try interpreter.format(try interpreter.requireNumber(value, "%\(letter)"), specification)
    }
}
