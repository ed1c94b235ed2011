extension Interpreter {
    func evaluate(_ expression: Expression) throws(TemplateError) -> Value {
        try spend()
        return try nested { () throws(TemplateError) in try evaluateNode(expression) }
    }

    private func evaluateNode(_ expression: Expression) throws(TemplateError) -> Value {
        switch expression {
        case .constant(let constant): return value(of: constant)
        case .name(let symbol, let name): return scope.lookup(symbol) ?? .undefined("'\(name)' is undefined")
        case .list(let elements): return .list(ListValue(try evaluate(elements)))
        case .tuple(let elements): return .tuple(try evaluate(elements))
        case .dictionary(let members): return try evaluate(members)
        case .attribute(let operand, let name): return try attribute(name, of: try evaluate(operand))
        case .item(let operand, let index):
            let container = try evaluate(operand)
            return try item(try evaluate(index), of: container)
        case .slice(let operand, let start, let stop, let step):
            return try slice(try evaluate(operand), start, stop, step)
        case .call(let callee, let arguments): return try evaluateCall(callee, arguments)
        case .filter(let operand, let filter): return try apply(filter, to: try evaluate(operand))
        case .test(let operand, let test): return try evaluate(test, of: try evaluate(operand))
        case .negative(let operand): return try negate(try evaluate(operand))
        case .positive(let operand): return try requireNumber(try evaluate(operand), "unary +")
        case .not(let operand): return .bool(!(try evaluate(operand).isTrue))
        case .arithmetic(let first, let rest): return try evaluate(first, rest)
        case .power(let base, let exponents):
            var result = try evaluate(base)
            for exponent in exponents { result = try power(result, try evaluate(exponent)) }
            return result
        case .concatenation(let operands): return try concatenate(operands)
        case .comparison(let first, let rest): return try compare(first, rest)
        case .and(let operands): return try firstOperand(operands, where: false)
        case .or(let operands): return try firstOperand(operands, where: true)
        case .conditional(let value, let condition, let alternative):
            if try evaluate(condition).isTrue { return try evaluate(value) }
            guard let alternative else { return .undefined("the inline if has no else") }
            return try evaluate(alternative)
        }
    }

    private func value(of constant: Constant) -> Value {
        switch constant {
        case .none: .none
        case .bool(let value): .bool(value)
        case .int(let value): .int(value)
        case .float(let value): .float(value)
        case .string(let text): .string(text)
        }
    }

    private func evaluate(_ expressions: [Expression]) throws(TemplateError) -> [Value] {
        var values: [Value] = []
        values.reserveCapacity(expressions.count)
        for expression in expressions { values.append(try evaluate(expression)) }
        return values
    }

    private func evaluate(
        _ members: [(key: Expression, value: Expression)]
    ) throws(TemplateError) -> Value {
        let dictionary = DictionaryValue()
        for (key, value) in members {
            let key = try evaluate(key)
            dictionary.set(key, try hashed(key), try evaluate(value))
        }
        return .dictionary(dictionary)
    }

    func hashed(_ key: Value) throws(TemplateError) -> DictionaryValue.Key {
        guard let hashed = DictionaryValue.Key(key) else {
            throw failure("a dict key cannot be of type '\(key.typeName)'")
        }
        return hashed
    }

    private func evaluateCall(_ callee: Expression, _ call: CallArguments) throws(TemplateError) -> Value {
        // The usual call of a method needs no bound method in between.
        if case .attribute(let operand, let name) = callee, let method = name.method {
            let receiver = try evaluate(operand)
            if method.exists(on: receiver) {
                return try self.call(method, of: receiver, try evaluate(call))
            }
            return try self.call(try attribute(name, of: receiver), try evaluate(call))
        }
        return try self.call(try evaluate(callee), try evaluate(call))
    }

    /// `and` yields its first operand that is false, `or` the first that is true; otherwise the last.
    private func firstOperand(_ operands: [Expression], where truth: Bool) throws(TemplateError) -> Value {
        var value = Value.none
        for operand in operands {
            value = try evaluate(operand)
            if value.isTrue == truth { break }
        }
        return value
    }

    private func concatenate(_ operands: [Expression]) throws(TemplateError) -> Value {
        var result = MarkedString()
        for operand in operands {
            let text = try print(try evaluate(operand))
            try checkString(result.count + text.count)
            result.append(text)
        }
        return .string(result)
    }

    // MARK: - Attributes, items, slices

    /// `value.name`: Python's attribute first, then the member of that name.
    func attribute(_ name: AttributeName, of value: Value) throws(TemplateError) -> Value {
        switch value {
        case .undefined(let hint): throw failure("\(hint), so it has no attribute '\(name.text)'")
        case .namespace(let namespace):
            if let value = namespace.attributes[name.key] { return value }
        case .loop(let loop):
            if let value = loopAttribute(name.text, of: loop) { return value }
        case .macro(let macro) where name.text == "name": return .text(macro.definition.name)
        default: break
        }
        if let method = name.method, method.exists(on: value) { return .method(BoundMethod(value, method)) }
        if case .dictionary(let dictionary) = value, let member = dictionary[name.key] { return member }
        return .undefined("'\(value.typeName)' object has no attribute '\(name.text)'")
    }

    private func loopAttribute(_ name: String, of loop: LoopValue) -> Value? {
        let (index, count) = (loop.index, loop.elements.count)
        switch name {
        case "index": return .int(index + 1)
        case "index0": return .int(index)
        case "revindex": return .int(count - index)
        case "revindex0": return .int(count - index - 1)
        case "first": return .bool(index == 0)
        case "last": return .bool(index == count - 1)
        case "length": return .int(count)
        // Only recursive loops, which are not supported, get deeper.
        case "depth": return .int(1)
        case "depth0": return .int(0)
        case "previtem": return index > 0 ? loop.elements[index - 1] : .undefined("there is no previous item")
        case "nextitem":
            return index + 1 < count ? loop.elements[index + 1] : .undefined("there is no next item")
        default: return nil
        }
    }

    /// `container[index]`: the item first, then Python's attribute of that name.
    func item(_ index: Value, of container: Value) throws(TemplateError) -> Value {
        switch (container, index) {
        case (.undefined(let hint), _): throw failure("\(hint), so it cannot be subscripted")
        case (.dictionary(let dictionary), .string(let name)):
            if let value = dictionary[name] { return value }
        case (.dictionary(let dictionary), _):
            if let key = DictionaryValue.Key(index), let value = dictionary.value(key) { return value }
        case (.list(let list), _):
            if let position = index.int { return element(position, of: list.elements) }
        case (.tuple(let elements), _):
            if let position = index.int { return element(position, of: elements) }
        case (.string(let text), _):
            if let position = index.int { return character(position, of: text) }
        default: break
        }
        if case .string(let name) = index { return try attribute(AttributeName(name.text), of: container) }
        return .undefined("'\(container.typeName)' object has no such element")
    }

    private func element(_ position: Int, of elements: [Value]) -> Value {
        let index = position < 0 ? elements.count &+ position : position
        guard elements.indices.contains(index) else {
            return .undefined("the list has no element \(position)")
        }
        return elements[index]
    }

    private func character(_ position: Int, of text: MarkedString) -> Value {
        let offsets = text.characterOffsets()
        let index = position < 0 ? (offsets.count - 1) &+ position : position
        guard index >= 0, index < offsets.count - 1 else {
            return .undefined("the string has no character \(position)")
        }
        return .string(text.slice(offsets[index]..<offsets[index + 1]))
    }

    private func slice(
        _ value: Value, _ start: Expression?, _ stop: Expression?, _ step: Expression?
    ) throws(TemplateError) -> Value {
        let bounds = [try bound(start), try bound(stop), try bound(step)]
        switch value {
        case .list(let list):
            let indices = try indices(bounds, count: list.elements.count)
            return .list(ListValue(indices.map { list.elements[$0] }))
        case .tuple(let elements):
            return .tuple(try indices(bounds, count: elements.count).map { elements[$0] })
        case .string(let text):
            return .string(try slice(text, bounds))
        case .undefined(let hint): throw failure("\(hint), so it cannot be sliced")
        default: throw failure("'\(value.typeName)' object cannot be sliced")
        }
    }

    private func slice(_ text: MarkedString, _ bounds: [Int?]) throws(TemplateError) -> MarkedString {
        let offsets = text.characterOffsets()
        let indices = try indices(bounds, count: offsets.count - 1)
        guard let first = indices.first, let last = indices.last else { return MarkedString() }
        if bounds[2] ?? 1 == 1 { return text.slice(offsets[first]..<offsets[last + 1]) }
        var result = MarkedString()
        for index in indices { result.append(text, offsets[index]..<offsets[index + 1]) }
        return result
    }

    private func bound(_ expression: Expression?) throws(TemplateError) -> Int? {
        guard let expression else { return nil }
        let value = try evaluate(expression)
        return value.isNone ? nil : try requireInt(value, "a slice's bound")
    }

    /// The indices that `[start:stop:step]` selects, clamped as Python does.
    private func indices(_ bounds: [Int?], count: Int) throws(TemplateError) -> [Int] {
        let step = bounds[2] ?? 1
        guard step != 0 else { throw failure("a slice's step cannot be zero") }
        try spend(copying: count)
        let (low, high) = step > 0 ? (0, count) : (-1, count - 1)
        let clamped = { (bound: Int) in min(max(bound < 0 ? bound &+ count : bound, low), high) }
        let start = bounds[0].map(clamped) ?? (step > 0 ? low : high)
        let stop = bounds[1].map(clamped) ?? (step > 0 ? high : low)
        // A longer step than the list selects nothing more.
        return Array(stride(from: start, to: stop, by: min(max(step, -count - 1), count + 1)))
    }

    // MARK: - Iteration

    /// The elements that a loop over `value` meets.
    func elements(of value: Value) throws(TemplateError) -> [Value] {
        let elements: [Value]
        switch value {
        case .list(let list): elements = list.elements
        case .tuple(let tuple): elements = tuple
        case .dictionary(let dictionary): elements = dictionary.keys
        case .string(let text):
            try checkElements(text.count)
            let offsets = text.characterOffsets()
            elements = zip(offsets, offsets.dropFirst()).map { .string(text.slice($0..<$1)) }
        case .undefined: elements = []
        default: throw failure("'\(value.typeName)' object is not iterable")
        }
        try checkElements(elements.count)
        return elements
    }

    /// Python's `len(value)`.
    func length(of value: Value) throws(TemplateError) -> Int {
        switch value {
        case .list(let list): list.elements.count
        case .tuple(let elements): elements.count
        case .dictionary(let dictionary): dictionary.count
        case .string(let text): text.characterCount
        case .undefined: 0
        default: throw failure("object of type '\(value.typeName)' has no length")
        }
    }
}
