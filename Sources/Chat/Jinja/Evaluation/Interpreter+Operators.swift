import Glibc

extension Interpreter {
    // MARK: - Arithmetic

    func evaluate(
        _ first: Expression, _ rest: [(operation: ArithmeticOperator, operand: Expression)]
    ) throws(TemplateError) -> Value {
        var result = try evaluate(first)
        for (operation, operand) in rest { result = try apply(operation, result, try evaluate(operand)) }
        return result
    }

    private func apply(
        _ operation: ArithmeticOperator, _ left: Value, _ right: Value
    ) throws(TemplateError) -> Value {
        switch operation {
        case .add: try add(left, right)
        case .multiply: try multiply(left, right)
        case .modulo:
            if case .string(let format) = left {
                try checked(try formatPercent(format, with: right))
            } else {
                try calculate(operation, left, right)
            }
        case .subtract, .divide, .floorDivide: try calculate(operation, left, right)
        }
    }

    func add(_ left: Value, _ right: Value) throws(TemplateError) -> Value {
        switch (left, right) {
        case (.string(var text), .string(var other)):
            if text.isMarkup != other.isMarkup {  // As Markup.__add__ and __radd__ do.
                if text.isMarkup { other = escape(other) } else { text = escape(text) }
            }
            try checkString(text.count + other.count)
            text.append(other)
            return .string(text)
        case (.list(let list), .list(let other)):
            try checkElements(list.elements.count + other.elements.count)
            return .list(ListValue(list.elements + other.elements))
        case (.tuple(let elements), .tuple(let other)):
            try checkElements(elements.count + other.count)
            return .tuple(elements + other)
        default: return try calculate(.add, left, right)
        }
    }

    private func multiply(_ left: Value, _ right: Value) throws(TemplateError) -> Value {
        switch (left, right) {
        case (.string(let text), _):
            if let count = right.int { return try repeated(text, count) }
        case (_, .string(let text)):
            if let count = left.int { return try repeated(text, count) }
        case (.list(let list), _):
            if let count = right.int { return .list(ListValue(try repeated(list.elements, count))) }
        case (_, .list(let list)):
            if let count = left.int { return .list(ListValue(try repeated(list.elements, count))) }
        default: break
        }
        return try calculate(.multiply, left, right)
    }

    private func repeated(_ text: MarkedString, _ count: Int) throws(TemplateError) -> Value {
        let (total, overflows) = text.count.multipliedReportingOverflow(by: max(count, 0))
        try checkString(overflows ? .max : total)
        var result = MarkedString()
        if !text.isEmpty, count > 0 {
            for _ in 0..<count { result.append(text) }
        }
        return .string(result)
    }

    private func repeated(_ elements: [Value], _ count: Int) throws(TemplateError) -> [Value] {
        let (total, overflows) = elements.count.multipliedReportingOverflow(by: max(count, 0))
        try checkElements(overflows ? .max : total)
        return elements.isEmpty || count <= 0 ? [] : Array(repeatElement(elements, count: count).joined())
    }

    private func calculate(
        _ operation: ArithmeticOperator, _ left: Value, _ right: Value
    ) throws(TemplateError) -> Value {
        if let left = left.int, let right = right.int, operation != .divide {
            return .int(try calculate(operation, left, right))
        }
        guard let x = left.double, let y = right.double else {
            if case .undefined(let hint) = left {
                throw failure("\(hint), so it cannot be used with \(operation.rawValue)")
            }
            if case .undefined(let hint) = right {
                throw failure("\(hint), so it cannot be used with \(operation.rawValue)")
            }
            let types = "'\(left.typeName)' and '\(right.typeName)'"
            throw failure("unsupported operand types for \(operation.rawValue): \(types)")
        }
        switch operation {
        case .add: return .float(x + y)
        case .subtract: return .float(x - y)
        case .multiply: return .float(x * y)
        case .divide, .floorDivide, .modulo:
            guard y != 0 else { throw failure("division by zero") }
            if operation == .divide { return .float(x / y) }
            let quotient = (x / y).rounded(.down)
            if operation == .floorDivide { return .float(quotient) }
            let remainder = fmod(x, y)
            return .float(remainder != 0 && (remainder < 0) != (y < 0) ? remainder + y : remainder)
        }
    }

    private func calculate(
        _ operation: ArithmeticOperator, _ left: Int, _ right: Int
    ) throws(TemplateError) -> Int {
        let result: (partialValue: Int, overflow: Bool)
        switch operation {
        case .add: result = left.addingReportingOverflow(right)
        case .subtract: result = left.subtractingReportingOverflow(right)
        case .multiply: result = left.multipliedReportingOverflow(by: right)
        case .divide, .floorDivide, .modulo:
            guard right != 0 else { throw failure("division by zero") }
            let quotient = left.dividedReportingOverflow(by: right)
            guard !quotient.overflow else { throw overflow() }
            let remainder = left - quotient.partialValue * right
            let isBelow = remainder != 0 && (remainder < 0) != (right < 0)
            if operation == .modulo { return isBelow ? remainder + right : remainder }
            return isBelow ? quotient.partialValue - 1 : quotient.partialValue
        }
        guard !result.overflow else { throw overflow() }
        return result.partialValue
    }

    func overflow() -> TemplateError { failure("an integer does not fit 64 bits") }

    func power(_ base: Value, _ exponent: Value) throws(TemplateError) -> Value {
        if let base = base.int, let exponent = exponent.int, exponent >= 0 {
            var result = 1
            var rest = exponent
            var factor = base
            while rest > 0 {
                if rest & 1 == 1 { result = try calculate(.multiply, result, factor) }
                rest >>= 1
                if rest > 0 { factor = try calculate(.multiply, factor, factor) }
            }
            return .int(result)
        }
        guard let x = base.double, let y = exponent.double else {
            throw failure("unsupported operand types for **: '\(base.typeName)' and '\(exponent.typeName)'")
        }
        if x == 0, y < 0 { throw failure("division by zero") }
        return .float(pow(x, y))
    }

    func negate(_ value: Value) throws(TemplateError) -> Value {
        switch try requireNumber(value, "unary -") {
        case .float(let number): return .float(-number)
        case let number:
            guard let int = number.int, int != .min else { throw overflow() }
            return .int(-int)
        }
    }

    func requireNumber(_ value: Value, _ what: String) throws(TemplateError) -> Value {
        if case .float = value { return value }
        guard let int = value.int else { throw failure("bad operand type for \(what): '\(value.typeName)'") }
        return .int(int)
    }

    // MARK: - Comparison

    func compare(
        _ first: Expression, _ rest: [(operation: ComparisonOperator, operand: Expression)]
    ) throws(TemplateError) -> Value {
        var left = try evaluate(first)
        for (operation, operand) in rest {
            let right = try evaluate(operand)
            guard try compare(left, operation, right) else { return .bool(false) }
            left = right
        }
        return .bool(true)
    }

    func compare(_ left: Value, _ operation: ComparisonOperator, _ right: Value) throws(TemplateError) -> Bool
    {
        switch operation {
        case .equal: try isEqual(left, right)
        case .notEqual: !(try isEqual(left, right))
        case .less: try order(left, right) { $0 < 0 }
        case .lessOrEqual: try order(left, right) { $0 <= 0 }
        case .greater: try order(left, right) { $0 > 0 }
        case .greaterOrEqual: try order(left, right) { $0 >= 0 }
        case .isIn: try contains(right, left)
        case .isNotIn: !(try contains(right, left))
        }
    }

    func isEqual(_ left: Value, _ right: Value, depth: Int = 0) throws(TemplateError) -> Bool {
        try checkDepth(depth)
        try spend()
        switch (left, right) {
        case (.undefined, .undefined), (.none, .none): return true
        case (.string(let left), .string(let right)):
            try spend(copying: min(left.count, right.count))
            return left == right
        case (.list, .list), (.tuple, .tuple):
            guard let left = left.elements, let right = right.elements, left.count == right.count else {
                return false
            }
            for (x, y) in zip(left, right) where !(try isEqual(x, y, depth: depth + 1)) { return false }
            return true
        case (.dictionary(let left), .dictionary(let right)):
            guard left.count == right.count else { return false }
            for (key, value) in left.members {
                guard let key = DictionaryValue.Key(key), let other = right.value(key),
                    try isEqual(value, other, depth: depth + 1)
                else { return false }
            }
            return true
        default:
            if let left = left.int, let right = right.int { return left == right }
            if let left = left.double, let right = right.double { return left == right }
            return isSame(left, right)
        }
    }

    /// Python's `is`.
    func isSame(_ left: Value, _ right: Value) -> Bool {
        switch (left, right) {
        case (.none, .none): true
        case (.bool(let left), .bool(let right)): left == right
        case (.int(let left), .int(let right)): left == right
        case (.string(let left), .string(let right)): left == right
        case (.list(let left), .list(let right)): left === right
        case (.dictionary(let left), .dictionary(let right)): left === right
        case (.namespace(let left), .namespace(let right)): left === right
        case (.loop(let left), .loop(let right)): left === right
        case (.macro(let left), .macro(let right)): left === right
        default: false
        }
    }

    private func order(
        _ left: Value, _ right: Value, _ accepts: (Int) -> Bool
    ) throws(TemplateError) -> Bool {
        if let left = left.double, let right = right.double, left.isNaN || right.isNaN { return false }
        return accepts(try order(left, right))
    }

    /// -1, 0 or 1 as `left` stands before, with or after `right`.
    func order(_ left: Value, _ right: Value, depth: Int = 0) throws(TemplateError) -> Int {
        try checkDepth(depth)
        try spend()
        if let left = left.int, let right = right.int { return left < right ? -1 : left > right ? 1 : 0 }
        if let left = left.double, let right = right.double {
            return left < right ? -1 : left > right ? 1 : 0
        }
        switch (left, right) {
        case (.string(let left), .string(let right)):
            // UTF-8 sorts as its code points do.
            if left == right { return 0 }
            return left.bytes.lexicographicallyPrecedes(right.bytes) ? -1 : 1
        case (.list, .list), (.tuple, .tuple):
            guard let left = left.elements, let right = right.elements else { return 0 }
            for (x, y) in zip(left, right) where !(try isEqual(x, y)) {
                return try order(x, y, depth: depth + 1)
            }
            return left.count < right.count ? -1 : left.count > right.count ? 1 : 0
        default:
            if case .undefined(let hint) = left { throw failure("\(hint), so it cannot be compared") }
            if case .undefined(let hint) = right { throw failure("\(hint), so it cannot be compared") }
            throw failure("cannot order '\(left.typeName)' and '\(right.typeName)'")
        }
    }

    /// Python's `element in container`.
    func contains(_ container: Value, _ element: Value) throws(TemplateError) -> Bool {
        switch container {
        case .string(let text):
            guard case .string(let part) = element else {
                throw failure("'in <string>' requires a string on its left, not '\(element.typeName)'")
            }
            try spend(copying: text.count)
            return text.firstRange(of: part) != nil
        case .dictionary(let dictionary):
            return dictionary.value(try hashed(element)) != nil
        case .list, .tuple, .undefined:
            for candidate in try elements(of: container) where try isEqual(candidate, element) { return true }
            return false
        default: throw failure("'\(container.typeName)' object cannot contain anything")
        }
    }
}
