/// The methods of Python's strings, lists and dicts that templates call, and those of `loop`.
enum Method: String, Sendable {
    // Strings.
    case capitalize, center, endswith, find, format, isalnum, isalpha, isdecimal, isdigit, islower, isnumeric,
        isspace
    case istitle, isupper, join, ljust, lower, lstrip, partition, removeprefix, removesuffix, replace, rfind,
        rindex
    case rjust, rpartition, rsplit, rstrip, split, splitlines, startswith, strip, swapcase, title, upper,
        zfill
    // Strings and lists.
    case count, index
    // Lists.
    case append, clear, copy, extend, insert, pop, remove, reverse, sort
    // Dicts.
    case get, items, keys, setdefault, update, values
    // `loop`.
    case changed, cycle

    func exists(on value: Value) -> Bool {
        switch value {
        case .string:
            switch self {
            case .append, .clear, .copy, .extend, .insert, .pop, .remove, .reverse, .sort, .get, .items,
                .keys,
                .setdefault, .update, .values, .changed, .cycle:
                false
            default: true
            }
        case .list:
            switch self {
            case .append, .clear, .copy, .count, .extend, .index, .insert, .pop, .remove, .reverse, .sort:
                true
            default: false
            }
        case .tuple: self == .count || self == .index
        case .dictionary:
            switch self {
            case .clear, .copy, .get, .items, .keys, .pop, .setdefault, .update, .values: true
            default: false
            }
        case .loop: self == .changed || self == .cycle
        default: false
        }
    }
}

extension Interpreter {
    func call(_ method: Method, of receiver: Value, _ arguments: Arguments) throws(TemplateError) -> Value {
        let name = "the method '\(method.rawValue)'"
        switch receiver {
        case .string(let text):
            try spend(copying: text.count)
            return try call(method, of: text, arguments, name)
        case .list(let list): return try call(method, of: list, arguments, name)
        case .tuple(let elements): return try search(method, elements, arguments, name)
        case .dictionary(let dictionary): return try call(method, of: dictionary, arguments, name)
        case .loop(let loop): return try call(method, of: loop, arguments)
        default: throw failure("'\(receiver.typeName)' object has no attribute '\(method.rawValue)'")
        }
    }

    // MARK: - Lists

    private func call(
        _ method: Method, of list: ListValue, _ arguments: Arguments, _ name: String
    ) throws(TemplateError) -> Value {
        remember(.list(list))
        try spend(copying: list.elements.count)
        switch method {
        case .append:
            list.elements.append(try required(try bind(arguments, name, ["object"])[0], name))
            try checkElements(list.elements.count)
        case .extend:
            list.elements += try elements(of: try required(try bind(arguments, name, ["iterable"])[0], name))
            try checkElements(list.elements.count)
        case .insert:
            let bound = try bind(arguments, name, ["index", "object"])
            let index = try requireInt(bound[0], "\(name)'s index")
            let place = index < 0 ? max(list.elements.count &+ index, 0) : min(index, list.elements.count)
            list.elements.insert(try required(bound[1], name), at: place)
            try checkElements(list.elements.count)
        case .pop:
            let index =
                try bind(arguments, name, ["index"])[0].map { value throws(TemplateError) in
                    try requireInt(value, "\(name)'s index")
                } ?? -1
            let place = index < 0 ? list.elements.count &+ index : index
            guard list.elements.indices.contains(place) else { throw failure("pop index out of range") }
            return list.elements.remove(at: place)
        case .remove:
            let wanted = try required(try bind(arguments, name, ["value"])[0], name)
            for (place, element) in list.elements.enumerated() where try isEqual(element, wanted) {
                list.elements.remove(at: place)
                return .none
            }
            throw failure("the list does not hold that value")
        case .clear: list.elements.removeAll()
        case .copy: return .list(ListValue(list.elements))
        case .reverse: list.elements.reverse()
        case .sort:
            guard case .list(let sorted) = try arrange(.sort, .list(list), caseSensitive(arguments), name)
            else { break }
            list.elements = sorted.elements
        default: return try search(method, list.elements, arguments, name)
        }
        return .none
    }

    /// Python's own sort minds the case of letters.
    private func caseSensitive(_ arguments: Arguments) -> Arguments {
        Arguments(positional: [], named: arguments.named + [("case_sensitive", .bool(true))])
    }

    private func search(
        _ method: Method, _ elements: [Value], _ arguments: Arguments, _ name: String
    ) throws(TemplateError) -> Value {
        let wanted = try required(try bind(arguments, name, ["value"])[0], name)
        var count = 0
        for (index, element) in elements.enumerated() where try isEqual(element, wanted) {
            if method == .index { return .int(index) }
            count += 1
        }
        guard method == .count else { throw failure("the list does not hold that value") }
        return .int(count)
    }

    func required(_ value: Value?, _ name: String) throws(TemplateError) -> Value {
        guard let value else { throw failure("\(name) lacks an argument") }
        return value
    }

    // MARK: - Dicts

    private func call(
        _ method: Method, of dictionary: DictionaryValue, _ arguments: Arguments, _ name: String
    ) throws(TemplateError) -> Value {
        switch method {
        case .get:
            let bound = try bind(arguments, name, ["key", "default"])
            let key = try required(bound[0], name)
            if case .string(let text) = key { return dictionary[text] ?? bound[1] ?? .none }
            return dictionary.value(try hashed(key)) ?? bound[1] ?? .none
        case .pop:
            let bound = try bind(arguments, name, ["key", "default"])
            if let value = dictionary.remove(try hashed(try required(bound[0], name))) { return value }
            guard let fallback = bound[1] else { throw failure("\(name): there is no such key") }
            return fallback
        case .setdefault:
            let bound = try bind(arguments, name, ["key", "default"])
            let key = try required(bound[0], name)
            let hashed = try hashed(key)
            if let value = dictionary.value(hashed) { return value }
            remember(.dictionary(dictionary))
            dictionary.set(key, hashed, bound[1] ?? .none)
            try checkElements(dictionary.count)
            return bound[1] ?? .none
        case .update:
            remember(.dictionary(dictionary))
            try update(dictionary, arguments, name)
            return .none
        default: break
        }
        _ = try bind(arguments, name, [])
        try checkElements(dictionary.count)
        switch method {
        case .items: return .list(ListValue(dictionary.members.map { .tuple([$0.key, $0.value]) }))
        case .keys: return .list(ListValue(dictionary.keys))
        case .values: return .list(ListValue(dictionary.values))
        case .copy: return .dictionary(dictionary.copy())
        default:
            dictionary.removeAll()
            return .none
        }
    }

    /// Python's `dict.update`: a mapping or pairs, then keywords.
    func update(_ dictionary: DictionaryValue, _ arguments: Arguments, _ name: String) throws(TemplateError) {
        guard arguments.positional.count <= 1 else { throw failure("\(name) takes at most one mapping") }
        switch arguments.positional.first {
        case nil: break
        case .dictionary(let other)?:
            for (key, value) in other.members { dictionary.set(key, try hashed(key), value) }
        case .some(let pairs):
            for pair in try elements(of: pairs) {
                let parts = try elements(of: pair)
                guard parts.count == 2 else { throw failure("\(name) needs a mapping or a list of pairs") }
                dictionary.set(parts[0], try hashed(parts[0]), parts[1])
            }
        }
        for (key, value) in arguments.named { dictionary.set(MarkedString(key, isTemplate: false), value) }
        try checkElements(dictionary.count)
    }

    // MARK: - loop

    private func call(
        _ method: Method, of loop: LoopValue, _ arguments: Arguments
    ) throws(TemplateError) -> Value {
        if method == .cycle {
            guard !arguments.positional.isEmpty else {
                throw failure("loop.cycle needs values to cycle through")
            }
            return arguments.positional[loop.index % arguments.positional.count]
        }
        if let last = loop.lastChanged, try isEqual(.tuple(last), .tuple(arguments.positional)) {
            return .bool(false)
        }
        loop.lastChanged = arguments.positional
        return .bool(true)
    }
}
