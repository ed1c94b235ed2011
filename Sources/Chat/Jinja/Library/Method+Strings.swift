extension Interpreter {
    func call(
        _ method: Method, of text: MarkedString, _ arguments: Arguments, _ name: String
    ) throws(TemplateError) -> Value {
        switch method {
        case .strip, .lstrip, .rstrip:
            let characters = try optionalString(try bind(arguments, name, ["chars"])[0], "\(name)'s argument")
            let side: MarkedString.Side = method == .strip ? .both : method == .lstrip ? .left : .right
            return .string(text.trimmed(side, of: characters))
        case .split, .rsplit: return try split(method, text, arguments, name)
        case .splitlines:
            let keeps = try bind(arguments, name, ["keepends"])[0]?.isTrue ?? false
            return list(text.splitLines(keepingEnds: keeps))
        case .partition, .rpartition:
            return try partition(text, fromEnd: method == .rpartition, arguments, name)
        case .startswith, .endswith: return .bool(try hasAffix(method, text, arguments, name))
        case .removeprefix, .removesuffix:
            let affix = try requireString(try bind(arguments, name, ["affix"])[0], "\(name)'s argument")
            if method == .removeprefix {
                return .string(text.hasPrefix(affix) ? text.slice(affix.count..<text.count) : text)
            }
            return .string(text.hasSuffix(affix) ? text.slice(0..<(text.count - affix.count)) : text)
        case .replace:
            let bound = try bind(arguments, name, ["old", "new", "count"])
            let old = try requireString(bound[0], "\(name)'s first argument")
            let new = try requireString(bound[1], "\(name)'s second argument")
            return try replace(text, old, new, try optionalCount(bound[2], "\(name)'s count"))
        case .join:
            var parts: [MarkedString] = []
            for part in try elements(of: try required(try bind(arguments, name, ["iterable"])[0], name)) {
                parts.append(try requireString(part, "an element to join"))
            }
            return .string(try join(parts, text))
        case .format: return try checked(try formatBraces(text, with: arguments))
        case .find, .rfind, .index, .rindex, .count: return try find(method, text, arguments, name)
        case .ljust, .rjust, .center:
            let bound = try bind(arguments, name, ["width", "fillchar"])
            let fill = try optionalString(bound[1], "\(name)'s fill") ?? MarkedString(" ")
            guard fill.characterCount == 1 else { throw failure("\(name)'s fill must be one character") }
            let alignment: Alignment = method == .ljust ? .left : method == .rjust ? .right : .center
            return .string(
                try pad(text, to: try requireInt(bound[0], "\(name)'s width"), alignment, fill: fill))
        case .zfill:
            let width = try requireInt(try bind(arguments, name, ["width"])[0], "\(name)'s width")
            let signLength =
                text.bytes.first == UInt8(ascii: "-") || text.bytes.first == UInt8(ascii: "+") ? 1 : 0
            var result = text.slice(0..<signLength)
            let digits = text.slice(signLength..<text.count)
            result.append(try pad(digits, to: max(width, 0) - signLength, .right, fill: MarkedString("0")))
            return .string(result)
        default:
            _ = try bind(arguments, name, [])
            return classify(method, text) ?? .string(changingCase(method, text))
        }
    }

    private func changingCase(_ method: Method, _ text: MarkedString) -> MarkedString {
        switch method {
        case .upper: text.uppercased()
        case .lower: text.lowercased()
        case .title: text.titlecased()
        case .capitalize: text.capitalized()
        default:  // swapcase
            text.mapScalars { scalar, _ in
                scalar.properties.isUppercase
                    ? scalar.properties.lowercaseMapping : scalar.properties.uppercaseMapping
            }
        }
    }

    /// The answer of a method like `isdigit`; nil when `method` is none of them.
    private func classify(_ method: Method, _ text: MarkedString) -> Value? {
        let accepts: (Unicode.Scalar) -> Bool
        switch method {
        case .islower: return .bool(hasCase(text, \.lowercaseMapping))
        case .isupper: return .bool(hasCase(text, \.uppercaseMapping))
        case .istitle: return .bool(hasTitleCase(text))
        case .isspace: accepts = { $0.isPythonSpace }
        case .isalpha: accepts = { $0.isLetter }
        case .isdecimal: accepts = { $0.properties.numericType == .decimal }
        case .isdigit:
            accepts = { $0.properties.numericType == .decimal || $0.properties.numericType == .digit }
        case .isnumeric: accepts = { $0.properties.numericType != nil }
        case .isalnum: accepts = { $0.isLetter || $0.properties.numericType != nil }
        default: return nil
        }
        var isAccepted = !text.isEmpty
        text.forEachScalar { scalar, _ in
            if !accepts(scalar) { isAccepted = false }
        }
        return .bool(isAccepted)
    }

    private func hasTitleCase(_ text: MarkedString) -> Bool {
        var hasCased = false
        text.forEachScalar { scalar, _ in
            if scalar.properties.isUppercase || scalar.properties.isLowercase { hasCased = true }
        }
        return hasCased && text.titlecased() == text
    }

    private func list(_ parts: [MarkedString]) -> Value { .list(ListValue(parts.map(Value.string))) }

    private func split(
        _ method: Method, _ text: MarkedString, _ arguments: Arguments, _ name: String
    ) throws(TemplateError) -> Value {
        let bound = try bind(arguments, name, ["sep", "maxsplit"])
        let limit = try optionalCount(bound[1], "\(name)'s limit")
        guard let separator = try optionalString(bound[0], "\(name)'s separator") else {
            if method == .rsplit, limit != nil { return list(splitWordsFromEnd(text, limit ?? 0)) }
            return list(text.splitWords(limit: limit))
        }
        guard !separator.isEmpty else { throw failure("\(name) needs a separator that is not empty") }
        let parts =
            method == .rsplit && limit != nil
            ? text.splitFromEnd(by: separator, limit: limit) : text.split(by: separator, limit: limit)
        try checkElements(parts.count)
        return list(parts)
    }

    private func splitWordsFromEnd(_ text: MarkedString, _ limit: Int) -> [MarkedString] {
        let words = text.splitWords()
        guard words.count > limit else { return words }
        var rest = text.trimmed(.right)
        for word in words.suffix(limit).reversed() {
            rest = rest.slice(0..<(rest.count - word.count)).trimmed(.right)
        }
        return [rest] + words.suffix(limit)
    }

    private func partition(
        _ text: MarkedString, fromEnd: Bool, _ arguments: Arguments, _ name: String
    ) throws(TemplateError) -> Value {
        let separator = try requireString(try bind(arguments, name, ["sep"])[0], "\(name)'s separator")
        guard !separator.isEmpty else { throw failure("\(name) needs a separator that is not empty") }
        let found =
            fromEnd ? text.lastRange(of: separator, before: text.count) : text.firstRange(of: separator)
        let empty = Value.string(MarkedString())
        guard let found else {
            return .tuple(fromEnd ? [empty, empty, .string(text)] : [.string(text), empty, empty])
        }
        return .tuple([
            .string(text.slice(0..<found.lowerBound)), .string(text.slice(found)),
            .string(text.slice(found.upperBound..<text.count)),
        ])
    }

    private func hasAffix(
        _ method: Method, _ text: MarkedString, _ arguments: Arguments, _ name: String
    ) throws(TemplateError) -> Bool {
        let bound = try bind(arguments, name, ["affix", "start", "end"])
        let part = try slice(text, from: bound[1], to: bound[2], name)?.text ?? text
        let affix = try required(bound[0], name)
        let affixes: [Value] = if case .tuple(let affixes) = affix { affixes } else { [affix] }
        for affix in affixes {
            let affix = try requireString(affix, "\(name)'s argument")
            if method == .startswith ? part.hasPrefix(affix) : part.hasSuffix(affix) { return true }
        }
        return false
    }

    private func find(
        _ method: Method, _ text: MarkedString, _ arguments: Arguments, _ name: String
    ) throws(TemplateError) -> Value {
        let bound = try bind(arguments, name, ["sub", "start", "end"])
        let part = try requireString(bound[0], "\(name)'s argument")
        let (area, first) = try slice(text, from: bound[1], to: bound[2], name) ?? (text, 0)
        if method == .count { return .int(area.ranges(of: part).count) }
        let isLast = method == .rfind || method == .rindex
        guard let found = isLast ? area.lastRange(of: part, before: area.count) : area.firstRange(of: part)
        else {
            if method == .find || method == .rfind { return .int(-1) }
            throw failure("the string does not hold \"\(part.text)\"")
        }
        return .int(first + area.slice(0..<found.lowerBound).characterCount)
    }

    /// The part between two positions that count code points, and where it begins; nil when neither is given.
    private func slice(
        _ text: MarkedString, from start: Value?, to end: Value?, _ name: String
    ) throws(TemplateError) -> (text: MarkedString, first: Int)? {
        if start?.isNone ?? true, end?.isNone ?? true { return nil }
        let offsets = text.characterOffsets()
        let count = offsets.count - 1
        let clamp = { (position: Int) in min(max(position < 0 ? position &+ count : position, 0), count) }
        var range = [0, count]
        for (index, bound) in [start, end].enumerated() {
            if let bound, !bound.isNone { range[index] = clamp(try requireInt(bound, "\(name)'s position")) }
        }
        let last = max(range[0], range[1])
        return (text.slice(offsets[range[0]]..<offsets[last]), range[0])
    }
}

extension Unicode.Scalar {
    fileprivate var isLetter: Bool {
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }
}
