extension Interpreter {
    func call(_ callee: Value, _ arguments: Arguments) throws(TemplateError) -> Value {
        switch callee {
        case .macro(let macro): try call(macro, arguments)
        case .function(let function): try call(function, arguments)
        case .method(let method): try call(method.method, of: method.receiver, arguments)
        case .undefined(let name): throw failure("\(name), so it cannot be called")
        case .loop: throw failure("recursive loops are not supported; use a macro that calls itself")
        default: throw failure("'\(callee.typeName)' object is not callable")
        }
    }

    func evaluate(_ call: CallArguments) throws(TemplateError) -> Arguments {
        var arguments = Arguments()
        for expression in call.positional { arguments.positional.append(try evaluate(expression)) }
        for (name, expression) in call.named { arguments.named.append((name, try evaluate(expression))) }
        if let spread = call.spread { arguments.positional += try elements(of: try evaluate(spread)) }
        if let spread = call.namedSpread {
            guard case .dictionary(let dictionary) = try evaluate(spread) else {
                throw failure("an argument after ** must be a mapping")
            }
            for (key, value) in dictionary.members {
                guard case .string(let name) = key else { throw failure("keywords must be strings") }
                arguments.named.append((name.text, value))
            }
        }
        return arguments
    }

    private func call(_ macro: MacroValue, _ arguments: Arguments) throws(TemplateError) -> Value {
        let callLine = line
        defer { line = callLine }
        let text = try called { () throws(TemplateError) in
            try captured { () throws(TemplateError) in
                try scoped(in: macro.scope) { () throws(TemplateError) in
                    try bind(arguments, to: macro.definition)
                    _ = try execute(macro.definition.body)
                }
            }
        }
        return .string(text)
    }

    /// Sets a macro's parameters in the current scope.
    private func bind(_ arguments: Arguments, to macro: MacroDefinition) throws(TemplateError) {
        var named = arguments.named
        for (index, parameter) in macro.parameters.enumerated() {
            if index < arguments.positional.count {
                scope.set(parameter.symbol, arguments.positional[index])
                if named.contains(where: { $0.name == parameter.name }) {
                    throw failure("macro '\(macro.name)' got two values for the argument '\(parameter.name)'")
                }
            } else if let place = named.firstIndex(where: { $0.name == parameter.name }) {
                scope.set(parameter.symbol, named.remove(at: place).value)
            } else if let fallback = parameter.fallback {
                scope.set(parameter.symbol, try evaluate(fallback))
            } else {
                scope.set(parameter.symbol, .undefined("parameter '\(parameter.name)' was not provided"))
            }
        }
        try bindSpecial(arguments, named, to: macro)
    }

    /// Sets `caller`, `varargs` and `kwargs`; arguments that no name takes are refused.
    private func bindSpecial(
        _ arguments: Arguments, _ rest: [(name: String, value: Value)], to macro: MacroDefinition
    ) throws(TemplateError) {
        var named = rest
        if let symbol = macro.caller {
            let place = named.firstIndex { $0.name == "caller" }
            scope.set(symbol, place.map { named.remove(at: $0).value } ?? .undefined("'caller' is undefined"))
        }
        if let symbol = macro.kwargs {
            let dictionary = DictionaryValue()
            for (name, value) in named { dictionary.set(MarkedString(name, isTemplate: false), value) }
            scope.set(symbol, .dictionary(dictionary))
        } else if let first = named.first {
            throw failure("macro '\(macro.name)' takes no keyword argument '\(first.name)'")
        }
        let extra = Array(arguments.positional.dropFirst(macro.parameters.count))
        if let symbol = macro.varargs {
            scope.set(symbol, .tuple(extra))
        } else if !extra.isEmpty {
            throw failure("macro '\(macro.name)' takes not more than \(macro.parameters.count) arguments")
        }
    }

    // MARK: - Parameters of built-in functions

    /// The arguments in the order of `names`; nil where one is not given. Refuses what has no name there.
    func bind(
        _ arguments: Arguments, _ what: String, _ names: [String]
    ) throws(TemplateError) -> [Value?] {
        guard arguments.positional.count <= names.count else {
            throw failure(
                "\(what) takes at most \(names.count) arguments, \(arguments.positional.count) given")
        }
        var values: [Value?] = Array(repeating: nil, count: names.count)
        for (index, value) in arguments.positional.enumerated() { values[index] = value }
        for (name, value) in arguments.named {
            guard let index = names.firstIndex(of: name) else {
                throw failure("\(what) takes no keyword argument '\(name)'")
            }
            guard values[index] == nil else { throw failure("\(what) got two values for '\(name)'") }
            values[index] = value
        }
        return values
    }

    func requireString(_ value: Value?, _ what: String) throws(TemplateError) -> MarkedString {
        guard case .string(let text)? = value else {
            throw failure("\(what) must be a string, not \(value?.typeName ?? "missing")")
        }
        return text
    }

    func requireInt(_ value: Value?, _ what: String) throws(TemplateError) -> Int {
        guard let number = value?.int else {
            throw failure("\(what) must be an integer, not \(value?.typeName ?? "missing")")
        }
        return number
    }

    /// A string that may be left out or None.
    func optionalString(_ value: Value?, _ what: String) throws(TemplateError) -> MarkedString? {
        guard let value, !value.isNone else { return nil }
        return try requireString(value, what)
    }

    /// A number of times that may be left out; Python takes a negative one for "all".
    func optionalCount(_ value: Value?, _ what: String) throws(TemplateError) -> Int? {
        guard let value, !value.isNone else { return nil }
        let count = try requireInt(value, what)
        return count < 0 ? nil : count
    }
}
