extension Interpreter {
    // MARK: - map, select, reject

    func applyToEach(
        _ filter: Filter, _ value: Value, _ arguments: Arguments, _ name: String
    ) throws(TemplateError) -> Value {
        var results: [Value] = []
        // Jinja does not ask whether what counts as false could be iterated.
        for element in value.isTrue ? try elements(of: value) : [] {
            if filter == .map {
                results.append(try map(element, arguments, name))
            } else {
                let wanted = filter == .select || filter == .selectattr
                let hasAttribute = filter == .selectattr || filter == .rejectattr
                if try matches(element, arguments, hasAttribute, name) == wanted { results.append(element) }
            }
        }
        return .list(ListValue(results))
    }

    /// `map(attribute=path, default=value)` or `map(filter, its arguments)`.
    private func map(_ element: Value, _ arguments: Arguments, _ name: String) throws(TemplateError) -> Value
    {
        guard let first = arguments.positional.first else {
            let bound = try bind(arguments, name, ["attribute", "default"])
            guard let path = bound[0] else { throw failure("\(name) needs a filter or an attribute") }
            return try attributeValue(of: element, path: path, fallback: bound[1])
        }
        let filterName = try requireString(first, "\(name)'s filter").text
        guard let filter = Filter(rawValue: filterName) else {
            throw failure("there is no filter '\(filterName)'")
        }
        var rest = arguments
        rest.positional.removeFirst()
        return try nested { () throws(TemplateError) in try apply(filter, to: element, rest) }
    }

    /// `select(test, its arguments)`, `selectattr(path, test, its arguments)`; without a test, the truth.
    private func matches(
        _ element: Value, _ arguments: Arguments, _ hasAttribute: Bool, _ name: String
    ) throws(TemplateError) -> Bool {
        var rest = arguments
        var value = element
        if hasAttribute {
            guard !rest.positional.isEmpty else { throw failure("\(name) needs an attribute") }
            value = try attributeValue(of: element, path: rest.positional.removeFirst())
        }
        guard !rest.positional.isEmpty else { return value.isTrue }
        let testName = try requireString(rest.positional.removeFirst(), "\(name)'s test").text
        guard let test = ValueTest(rawValue: testName) else {
            throw failure("there is no test '\(testName)'")
        }
        return try evaluate(test, of: value, rest)
    }

    // MARK: - Order

    func arrange(
        _ filter: Filter, _ value: Value, _ arguments: Arguments, _ name: String
    ) throws(TemplateError) -> Value {
        switch filter {
        case .sort:
            let bound = try bind(arguments, name, ["reverse", "case_sensitive", "attribute"])
            let isReversed = bound[0]?.isTrue ?? false
            let keyed = try sortKeys(of: try elements(of: value), bound[2], bound[1])
            return .list(ListValue(try sorted(keyed, isReversed: isReversed)))
        case .dictsort: return try sortDictionary(value, arguments, name)
        case .groupby: return try group(value, arguments, name)
        case .unique:
            let bound = try bind(arguments, name, ["case_sensitive", "attribute"])
            return .list(ListValue(try unique(try sortKeys(of: try elements(of: value), bound[1], bound[0]))))
        case .min, .max:
            let bound = try bind(arguments, name, ["case_sensitive", "attribute"])
            let keyed = try sortKeys(of: try elements(of: value), bound[1], bound[0])
            return try extreme(keyed, sign: filter == .min ? -1 : 1)
        case .sum:
            let bound = try bind(arguments, name, ["attribute", "start"])
            var sum = bound[1] ?? .int(0)
            for element in try elements(of: value) {
                sum = try add(sum, try attributeValue(of: element, path: bound[0]))
            }
            return sum
        case .batch: return try batch(value, arguments, name)
        default: return try columns(value, arguments, name)
        }
    }

    /// Each element with what it is sorted by: an attribute's value, without letter case unless that counts.
    private func sortKeys(
        of elements: [Value], _ path: Value?, _ caseSensitive: Value?
    ) throws(TemplateError) -> [(key: [Value], value: Value)] {
        let foldsCase = !(caseSensitive?.isTrue ?? false)
        var paths: [Value?] = [path]
        if case .string(let text)? = path { paths = text.split(by: MarkedString(",")).map(Value.string) }
        var keyed: [(key: [Value], value: Value)] = []
        for element in elements {
            var key: [Value] = []
            for path in paths {
                let value = try attributeValue(of: element, path: path)
                if foldsCase, case .string(let text) = value {
                    try spend(copying: text.count)
                    key.append(.string(text.lowercased()))
                } else {
                    key.append(value)
                }
            }
            keyed.append((key, element))
        }
        return keyed
    }

    /// Stable; a reversed order keeps equal elements in their order too, as Python does.
    private func sorted(
        _ keyed: [(key: [Value], value: Value)], isReversed: Bool
    ) throws(TemplateError) -> [Value] {
        var failure: TemplateError?
        let sorted = keyed.enumerated().sorted { left, right in
            guard failure == nil else { return left.offset < right.offset }
            do throws(TemplateError) {
                let order = try order(.tuple(left.element.key), .tuple(right.element.key))
                if order == 0 { return left.offset < right.offset }
                return (order < 0) != isReversed
            } catch {
                failure = error
                return false
            }
        }
        if let failure { throw failure }
        return sorted.map(\.element.value)
    }

    private func sortDictionary(
        _ value: Value, _ arguments: Arguments, _ name: String
    ) throws(TemplateError) -> Value {
        let bound = try bind(arguments, name, ["case_sensitive", "by", "reverse"])
        guard case .dictionary(let dictionary) = value else {
            throw failure("\(name) needs a mapping, not '\(value.typeName)'")
        }
        let by = try optionalString(bound[1], "\(name)'s order")?.text ?? "key"
        guard by == "key" || by == "value" else { throw failure("\(name) sorts by 'key' or 'value'") }
        let pairs = dictionary.members.map { Value.tuple([$0.key, $0.value]) }
        let keyed = try sortKeys(of: pairs, .int(by == "key" ? 0 : 1), bound[0])
        return .list(ListValue(try sorted(keyed, isReversed: bound[2]?.isTrue ?? false)))
    }

    private func unique(_ keyed: [(key: [Value], value: Value)]) throws(TemplateError) -> [Value] {
        var seen: Set<DictionaryValue.Key> = []
        var results: [Value] = []
        for (key, value) in keyed where seen.insert(try hashed(.tuple(key))).inserted {
            results.append(value)
        }
        return results
    }

    private func extreme(
        _ keyed: [(key: [Value], value: Value)], sign: Int
    ) throws(TemplateError) -> Value {
        guard var best = keyed.first else { return .undefined("there is no element") }
        for candidate in keyed.dropFirst()
        where try order(.tuple(candidate.key), .tuple(best.key)) == sign { best = candidate }
        return best.value
    }

    private func group(_ value: Value, _ arguments: Arguments, _ name: String) throws(TemplateError) -> Value
    {
        let bound = try bind(arguments, name, ["attribute", "default", "case_sensitive"])
        guard let path = bound[0] else { throw failure("\(name) needs an attribute") }
        let elements = try self.elements(of: value)
        let keyed = try sortKeys(of: elements, path, bound[2])
        var groups: [(key: Value, members: [Value])] = []
        for element in try sorted(keyed, isReversed: false) {
            let key = try attributeValue(of: element, path: path, fallback: bound[1])
            if let last = groups.last, try isEqual(last.key, key) {
                groups[groups.count - 1].members.append(element)
            } else {
                groups.append((key, [element]))
            }
        }
        return .list(ListValue(groups.map { .tuple([$0.key, .list(ListValue($0.members))]) }))
    }

    // MARK: - Pieces

    /// Lists of `linecount` elements; the last one is filled up with `fill_with`.
    private func batch(_ value: Value, _ arguments: Arguments, _ name: String) throws(TemplateError) -> Value
    {
        let bound = try bind(arguments, name, ["linecount", "fill_with"])
        let size = try requireInt(bound[0], "\(name)'s size")
        guard size > 0 else { throw failure("\(name) needs a positive size") }
        let elements = try self.elements(of: value)
        var batches: [Value] = []
        for start in stride(from: 0, to: elements.count, by: min(size, elements.count)) {
            var part = Array(elements[start...].prefix(size))
            if let fill = bound[1], !fill.isNone, part.count < size {
                try checkElements(size)
                part += Array(repeating: fill, count: size - part.count)
            }
            batches.append(.list(ListValue(part)))
        }
        return .list(ListValue(batches))
    }

    /// `slices` lists of nearly equal length.
    private func columns(_ value: Value, _ arguments: Arguments, _ name: String) throws(TemplateError)
        -> Value
    {
        let bound = try bind(arguments, name, ["slices", "fill_with"])
        let count = try requireInt(bound[0], "\(name)'s number")
        guard count > 0 else { throw failure("\(name) needs a positive number") }
        try checkElements(count)
        let elements = try self.elements(of: value)
        let (size, longer) = (elements.count / count, elements.count % count)
        var columns: [Value] = []
        var start = 0
        for index in 0..<count {
            let end = start + size + (index < longer ? 1 : 0)
            var part = Array(elements[start..<end])
            if let fill = bound[1], !fill.isNone, index >= longer { part.append(fill) }
            columns.append(.list(ListValue(part)))
            start = end
        }
        return .list(ListValue(columns))
    }
}
