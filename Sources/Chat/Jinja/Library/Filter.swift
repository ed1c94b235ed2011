/// The filters that templates may use, by the names that Jinja gives them.
enum Filter: String, Sendable {
    case abs, attr, batch, capitalize, center, count, d, `default`, dictsort, e, escape, first, float,
        forceescape
    case format, groupby, indent, int, items, join, last, length, list, lower, map, max, min, pprint, reject
    case rejectattr, replace, reverse, round, safe, select, selectattr, slice, sort, string, striptags, sum,
        title
    case tojson, trim, truncate, unique, upper, urlencode, wordcount, wordwrap
}

extension Interpreter {
    func apply(_ call: FilterCall, to value: Value) throws(TemplateError) -> Value {
        guard let filter = call.filter else { throw failure("there is no filter '\(call.name)'") }
        let arguments = try evaluate(call.arguments)
        line = call.line
        return try apply(filter, to: value, arguments)
    }

    func apply(_ filter: Filter, to value: Value, _ arguments: Arguments) throws(TemplateError) -> Value {
        let name = "the filter '\(filter.rawValue)'"
        switch filter {
        case .capitalize, .center, .e, .escape, .forceescape, .format, .indent, .lower, .pprint, .replace,
            .safe,
            .string, .striptags, .title, .trim, .truncate, .upper, .urlencode, .wordcount, .wordwrap:
            return try applyToText(filter, value, arguments, name)
        case .abs, .float, .int, .round:
            return try applyToNumber(filter, value, arguments, name)
        case .map, .reject, .rejectattr, .select, .selectattr:
            return try applyToEach(filter, value, arguments, name)
        case .batch, .dictsort, .groupby, .max, .min, .slice, .sort, .sum, .unique:
            return try arrange(filter, value, arguments, name)
        case .default, .d:
            let bound = try bind(arguments, name, ["default_value", "boolean"])
            let isMissing = value.isUndefined || (bound[1]?.isTrue ?? false && !value.isTrue)
            return isMissing ? bound[0] ?? .string(MarkedString()) : value
        case .attr:
            let attribute = try requireString(try bind(arguments, name, ["name"])[0], "\(name)'s argument")
            return try self.attribute(AttributeName(attribute.text), of: value)
        case .tojson: return try toJSON(value, arguments, name)
        case .join: return try join(value, arguments, name)
        case .count, .length:
            _ = try bind(arguments, name, [])
            return .int(try length(of: value))
        case .first:
            _ = try bind(arguments, name, [])
            return try elements(of: value).first ?? .undefined("there is no first element")
        case .last:
            _ = try bind(arguments, name, [])
            return try elements(of: value).last ?? .undefined("there is no last element")
        case .list:
            _ = try bind(arguments, name, [])
            return .list(ListValue(try elements(of: value)))
        case .reverse:
            _ = try bind(arguments, name, [])
            return try reverse(value)
        case .items:
            _ = try bind(arguments, name, [])
            if value.isUndefined { return .list(ListValue([])) }
            guard case .dictionary(let dictionary) = value else {
                throw failure("\(name) needs a mapping, not '\(value.typeName)'")
            }
            return .list(ListValue(dictionary.members.map { .tuple([$0.key, $0.value]) }))
        }
    }

    private func reverse(_ value: Value) throws(TemplateError) -> Value {
        let reversed = Array(try elements(of: value).reversed())
        guard value.string != nil else { return .list(ListValue(reversed)) }
        var result = MarkedString()
        for case .string(let character) in reversed { result.append(character) }
        return .string(result)
    }

    private func join(_ value: Value, _ arguments: Arguments, _ name: String) throws(TemplateError) -> Value {
        let bound = try bind(arguments, name, ["d", "attribute"])
        let separator = try bound[0].map { value throws(TemplateError) in try print(value) } ?? MarkedString()
        var parts: [MarkedString] = []
        for element in try elements(of: value) {
            parts.append(try print(try attributeValue(of: element, path: bound[1])))
        }
        return .string(try join(parts, separator))
    }

    func join(_ parts: [MarkedString], _ separator: MarkedString) throws(TemplateError) -> MarkedString {
        var result = MarkedString()
        for (index, part) in parts.enumerated() {
            let size = result.count + part.count + separator.count
            guard size <= limits.stringBytesMax else {
                throw limitReached("a string is longer than \(limits.stringBytesMax) bytes")
            }
            try spend(copying: part.count)
            if index > 0 { result.append(separator) }
            result.append(part)
        }
        return result
    }

    /// `element`, or what a path like `function.name` or `0` leads to from it.
    /// Where nothing is found, the way goes on from `fallback`.
    func attributeValue(
        of element: Value, path: Value?, fallback: Value? = nil
    ) throws(TemplateError) -> Value {
        guard let path, !path.isNone else { return element }
        if case .int = path { return try item(path, of: element) }
        var value = element
        for part in try requireString(path, "an attribute's name").split(by: MarkedString(".")) {
            // The name of an element of a list is a number; of a mapping, its key comes first.
            let index = Int(part.text).map(Value.int) ?? .string(part)
            value = try item(index, of: value)
            if value.isUndefined, let fallback { value = fallback }
        }
        return value
    }
}
