/// The tests that templates may use after `is`, by the names that Jinja gives them.
enum ValueTest: String, Sendable {
    case boolean, callable, defined, divisibleby, eq, equalto, escaped, even, `false`, filter, float, ge,
        greaterthan
    case gt, `in`, integer, iterable, le, lessthan, lower, lt, mapping, ne, none, number, odd, sameas,
        sequence
    case string, test, `true`, undefined, upper
    case equalSign = "=="
    case notEqualSign = "!="
    case lessSign = "<"
    case lessOrEqualSign = "<="
    case greaterSign = ">"
    case greaterOrEqualSign = ">="
}

extension Interpreter {
    func evaluate(_ call: TestCall, of value: Value) throws(TemplateError) -> Value {
        guard let test = call.test else { throw failure("there is no test '\(call.name)'") }
        let result = try evaluate(test, of: value, try evaluate(call.arguments))
        return .bool(result != call.isNegated)
    }

    func evaluate(_ test: ValueTest, of value: Value, _ arguments: Arguments) throws(TemplateError) -> Bool {
        let name = "the test '\(test.rawValue)'"
        if let operation = comparison(for: test) {
            guard let other = try bind(arguments, name, ["other"])[0] else {
                throw failure("\(name) needs a value")
            }
            return try compare(value, operation, other)
        }
        switch test {
        case .divisibleby:
            let divisor = try requireInt(try bind(arguments, name, ["num"])[0], "\(name)'s argument")
            guard divisor != 0 else { throw failure("division by zero") }
            // Int.min has no quotient by -1; everything is divisible by it.
            return divisor == -1 ? true : try requireInt(value, "\(name)'s value") % divisor == 0
        case .sameas:
            guard let other = try bind(arguments, name, ["other"])[0] else {
                throw failure("\(name) needs a value")
            }
            return isSame(value, other)
        default:
            _ = try bind(arguments, name, [])
            return try isOfKind(test, value)
        }
    }

    private func comparison(for test: ValueTest) -> ComparisonOperator? {
        switch test {
        case .eq, .equalto, .equalSign: .equal
        case .ne, .notEqualSign: .notEqual
        case .lt, .lessthan, .lessSign: .less
        case .le, .lessOrEqualSign: .lessOrEqual
        case .gt, .greaterthan, .greaterSign: .greater
        case .ge, .greaterOrEqualSign: .greaterOrEqual
        case .in: .isIn
        default: nil
        }
    }

    private func isOfKind(_ test: ValueTest, _ value: Value) throws(TemplateError) -> Bool {
        switch (test, value) {
        case (.defined, _): return !value.isUndefined
        case (.undefined, _): return value.isUndefined
        case (.none, _): return value.isNone
        case (.boolean, .bool), (.float, .float), (.integer, .int), (.mapping, .dictionary),
            (.string, .string):
            return true
        case (.true, .bool(let value)): return value
        case (.false, .bool(let value)): return !value
        case (.number, .int), (.number, .bool), (.number, .float): return true
        case (.callable, .macro), (.callable, .function), (.callable, .method), (.callable, .loop):
            return true
        case (.iterable, .undefined), (.iterable, .loop): return true
        case (.iterable, _), (.sequence, _):
            return value.elements != nil || value.string != nil || value.dictionary != nil
        case (.odd, _): return try requireInt(value, "the value of the test 'odd'") & 1 == 1
        case (.even, _): return try requireInt(value, "the value of the test 'even'") & 1 == 0
        case (.lower, _): return hasCase(try print(value), \.lowercaseMapping)
        case (.upper, _): return hasCase(try print(value), \.uppercaseMapping)
        case (.escaped, .string(let text)): return text.isMarkup
        case (.filter, .string(let name)): return Filter(rawValue: name.text) != nil
        case (.test, .string(let name)): return ValueTest(rawValue: name.text) != nil
        default: return false
        }
    }

    /// Python's `islower` and `isupper`: at least one letter has case, and all that have are in this one.
    func hasCase(_ text: MarkedString, _ mapping: KeyPath<Unicode.Scalar.Properties, String>) -> Bool {
        var found = false
        var differs = false
        text.forEachScalar { scalar, _ in
            let properties = scalar.properties
            guard properties.isLowercase || properties.isUppercase else { return }
            found = true
            if properties[keyPath: mapping] != String(Character(scalar)) { differs = true }
        }
        return found && !differs
    }
}
