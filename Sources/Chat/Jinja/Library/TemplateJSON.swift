/// The filter `tojson` as Hugging Face defines it for chat templates: Python's `json.dumps` without HTML
/// escapes.
extension Interpreter {
    private struct Style {
        var escapesNonASCII = false
        var indent: MarkedString?
        var itemSeparator = MarkedString(", ")
        var keySeparator = MarkedString(": ")
        var sortsKeys = false
    }

    func toJSON(_ value: Value, _ arguments: Arguments, _ name: String) throws(TemplateError) -> Value {
        // The order of parameters is that of transformers' chat_template_utils.
        let bound = try bind(arguments, name, ["ensure_ascii", "indent", "separators", "sort_keys"])
        var style = Style()
        style.escapesNonASCII = bound[0]?.isTrue ?? false
        style.sortsKeys = bound[3]?.isTrue ?? false
        if let indent = bound[1], !indent.isNone {
            style.itemSeparator = MarkedString(",")
            if case .string(let text) = indent {
                style.indent = text
            } else {
                style.indent = try pad(MarkedString(), to: try requireInt(indent, "\(name)'s indent"), .left)
            }
        }
        if let separators = bound[2], !separators.isNone {
            let parts = try elements(of: separators)
            guard parts.count == 2 else { throw failure("\(name)'s separators must be two strings") }
            style.itemSeparator = try requireString(parts[0], "\(name)'s separator")
            style.keySeparator = try requireString(parts[1], "\(name)'s separator")
        }
        var result = MarkedString()
        try writeJSON(value, style, into: &result, depth: 0)
        return .string(result)
    }

    private func writeJSON(
        _ value: Value, _ style: Style, into result: inout MarkedString, depth: Int
    ) throws(TemplateError) {
        try checkDepth(depth)
        try checkString(result.count)
        switch value {
        case .none: result.append("null")
        case .bool(let value): result.append(value ? "true" : "false")
        case .int(let value): result.append(String(value))
        case .float(let value): result.append(jsonFloat(value))
        case .string(let text): result.append(jsonString(text, style))
        case .list, .tuple:
            let elements = value.elements ?? []
            result.append("[")
            for (index, element) in elements.enumerated() {
                separate(index, style, into: &result, depth: depth + 1)
                try writeJSON(element, style, into: &result, depth: depth + 1)
            }
            if !elements.isEmpty { breakLine(style, into: &result, depth: depth) }
            result.append("]")
        case .dictionary(let dictionary): try writeJSON(dictionary, style, into: &result, depth: depth)
        case .undefined(let hint): throw failure("\(hint), so it cannot be written as JSON")
        default: throw failure("an object of type '\(value.typeName)' cannot be written as JSON")
        }
    }

    private func writeJSON(
        _ dictionary: DictionaryValue, _ style: Style, into result: inout MarkedString, depth: Int
    ) throws(TemplateError) {
        var members = dictionary.members
        if style.sortsKeys {
            let arguments = Arguments(positional: [], named: [("case_sensitive", .bool(true))])
            let sorted = try arrange(.dictsort, .dictionary(dictionary), arguments, "the filter 'tojson'")
            members = (sorted.elements ?? []).compactMap { pair in
                pair.elements.map { ($0[0], $0[1]) }
            }
        }
        result.append("{")
        for (index, member) in members.enumerated() {
            separate(index, style, into: &result, depth: depth + 1)
            result.append(jsonString(try jsonKey(member.key), style))
            result.append(style.keySeparator)
            try writeJSON(member.value, style, into: &result, depth: depth + 1)
        }
        if !members.isEmpty { breakLine(style, into: &result, depth: depth) }
        result.append("}")
    }

    private func separate(_ index: Int, _ style: Style, into result: inout MarkedString, depth: Int) {
        if index > 0 { result.append(style.itemSeparator) }
        breakLine(style, into: &result, depth: depth)
    }

    private func breakLine(_ style: Style, into result: inout MarkedString, depth: Int) {
        guard let indent = style.indent else { return }
        result.append("\n")
        for _ in 0..<depth { result.append(indent) }
    }

    private func jsonKey(_ key: Value) throws(TemplateError) -> MarkedString {
        switch key {
        case .string(let text): return text
        case .none: return MarkedString("null")
        case .bool(let value): return MarkedString(value ? "true" : "false")
        case .int(let value): return MarkedString(String(value))
        case .float(let value): return MarkedString(jsonFloat(value))
        default: throw failure("a JSON key cannot be of type '\(key.typeName)'")
        }
    }

    private func jsonFloat(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        return PythonFloat.description(of: value)
    }

    /// The quotes are the template's; each character keeps its own mark, also as an escape.
    private func jsonString(_ text: MarkedString, _ style: Style) -> MarkedString {
        var result = MarkedString("\"")
        let isPlain = text.bytes.allSatisfy { byte in
            byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
        }
        if isPlain, text.isASCII || !style.escapesNonASCII {
            result.append(text)
        } else {
            result.append(text.mapScalars { scalar, _ in jsonEscape(scalar, style.escapesNonASCII) })
        }
        result.append("\"")
        return result
    }

    private func jsonEscape(_ scalar: Unicode.Scalar, _ escapesNonASCII: Bool) -> String {
        switch scalar {
        case "\"": return "\\\""
        case "\\": return "\\\\"
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        case "\u{8}": return "\\b"
        case "\u{C}": return "\\f"
        default: break
        }
        guard scalar.value < 0x20 || (escapesNonASCII && !scalar.isASCII) else {
            return String(Character(scalar))
        }
        return UTF16.encode(scalar).map { units in
            units.map { unit in
                let digits = String(unit, radix: 16)
                return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }.joined()
        } ?? ""
    }
}
