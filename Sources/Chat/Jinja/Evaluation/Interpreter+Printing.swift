extension Interpreter {
    /// What `{{ value }}` writes: Python's `str(value)`.
    func print(_ value: Value) throws(TemplateError) -> MarkedString {
        switch value {
        case .string(let text): return text
        case .undefined: return MarkedString()
        default:
            var result = MarkedString()
            try represent(value, into: &result, depth: 0)
            return result
        }
    }

    /// Python's `repr(value)`, appended.
    func represent(_ value: Value, into result: inout MarkedString, depth: Int) throws(TemplateError) {
        try checkDepth(depth)
        try checkString(result.count)
        try spend()
        switch value {
        case .undefined: result.append("Undefined")
        case .none: result.append("None")
        case .bool(let value): result.append(value ? "True" : "False")
        case .int(let value): result.append(String(value))
        case .float(let value): result.append(PythonFloat.description(of: value))
        case .string(let text): represent(text, into: &result)
        case .list(let list):
            result.append("[")
            try represent(list.elements, into: &result, depth: depth)
            result.append("]")
        case .tuple(let elements):
            result.append("(")
            try represent(elements, into: &result, depth: depth)
            result.append(elements.count == 1 ? ",)" : ")")
        case .dictionary(let dictionary):
            try represent(dictionary, into: &result, depth: depth)
        case .namespace(let namespace):
            result.append("<Namespace ")
            try represent(namespace.attributes, into: &result, depth: depth)
            result.append(">")
        case .loop(let loop): result.append("<LoopContext \(loop.index + 1)/\(loop.elements.count)>")
        case .macro(let macro): result.append("<Macro '\(macro.definition.name)'>")
        case .function(let function): result.append("<function \(function.rawValue)>")
        case .method(let method): result.append("<method \(method.method.rawValue)>")
        }
    }

    private func represent(
        _ elements: [Value], into result: inout MarkedString, depth: Int
    ) throws(TemplateError) {
        for (index, element) in elements.enumerated() {
            if index > 0 { result.append(", ") }
            try represent(element, into: &result, depth: depth + 1)
        }
    }

    private func represent(
        _ dictionary: DictionaryValue, into result: inout MarkedString, depth: Int
    ) throws(TemplateError) {
        result.append("{")
        for (index, member) in dictionary.members.enumerated() {
            if index > 0 { result.append(", ") }
            try represent(member.key, into: &result, depth: depth + 1)
            result.append(": ")
            try represent(member.value, into: &result, depth: depth + 1)
        }
        result.append("}")
    }

    /// A string in quotes: single ones unless it holds single and no double quotes.
    private func represent(_ text: MarkedString, into result: inout MarkedString) {
        let holdsSingle = text.bytes.contains(UInt8(ascii: "'"))
        let quote = holdsSingle && !text.bytes.contains(UInt8(ascii: "\"")) ? "\"" : "'"
        result.append(quote)
        result.append(
            text.mapScalars { scalar, _ in
                switch scalar {
                case "\\": "\\\\"
                case "\n": "\\n"
                case "\r": "\\r"
                case "\t": "\\t"
                case "'" where quote == "'": "\\'"
                default: scalar.isPythonPrintable ? String(Character(scalar)) : scalar.pythonEscape
                }
            })
        result.append(quote)
    }
}

extension Unicode.Scalar {
    /// Whether Python's `repr` shows the code point itself.
    fileprivate var isPythonPrintable: Bool {
        switch value {
        case 0x20...0x7E: return true
        case 0...0xA0: return false
        default: break
        }
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            return false
        default: return true
        }
    }

    /// `\xhh`, `\uhhhh` or `\Uhhhhhhhh`.
    fileprivate var pythonEscape: String {
        let digits = String(value, radix: 16)
        let (letter, width) = value <= 0xFF ? ("x", 2) : value <= 0xFFFF ? ("u", 4) : ("U", 8)
        return "\\\(letter)" + String(repeating: "0", count: width - digits.count) + digits
    }
}
