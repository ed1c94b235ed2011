extension Interpreter {
    func applyToText(
        _ filter: Filter, _ value: Value, _ arguments: Arguments, _ name: String
    ) throws(TemplateError) -> Value {
        let text = try print(value)
        try spend(copying: text.count)
        switch filter {
        case .format: return try checked(try formatPercent(text, with: arguments))
        case .indent: return try indent(text, arguments, name)
        case .replace:
            let bound = try bind(arguments, name, ["old", "new", "count"])
            let limit = try optionalCount(bound[2], "\(name)'s count")
            guard let old = bound[0], let new = bound[1] else { throw failure("\(name) needs two arguments") }
            return try replace(text, try print(old), try print(new), limit)
        case .trim:
            let characters = try optionalString(try bind(arguments, name, ["chars"])[0], "\(name)'s argument")
            return .string(text.trimmed(.both, of: characters))
        case .truncate: return try truncate(text, arguments, name)
        case .center:
            let width = try bind(arguments, name, ["width"])[0]
            return .string(
                try pad(
                    text,
                    to: try width.map { value throws(TemplateError) in
                        try requireInt(value, "\(name)'s width")
                    } ?? 80, .center))
        case .wordwrap: return try wrap(text, arguments, name)
        default: break
        }
        _ = try bind(arguments, name, [])
        switch filter {
        case .capitalize: return .string(text.capitalized())
        case .lower: return .string(text.lowercased())
        case .upper: return .string(text.uppercased())
        case .title: return .string(titled(text))
        case .wordcount: return .int(wordCount(text))
        case .e, .escape: return try checked(text.isMarkup ? text : escape(text))
        case .forceescape: return try checked(escape(text))
        case .safe:
            var safe = text
            safe.isMarkup = true
            return .string(safe)
        case .urlencode: return try checked(urlEncode(text))
        case .striptags: return .string(stripTags(text))
        case .pprint:
            var result = MarkedString()
            try represent(value, into: &result, depth: 0)
            return .string(result)
        default: return .string(text)  // string
        }
    }

    func replace(
        _ text: MarkedString, _ old: MarkedString, _ new: MarkedString, _ limit: Int?
    ) throws(TemplateError) -> Value {
        let count = text.ranges(of: old, limit: limit).count
        let (growth, overflows) = count.multipliedReportingOverflow(by: max(new.count - old.count, 0))
        guard !overflows, growth <= limits.stringBytesMax else {
            throw limitReached("a string is longer than \(limits.stringBytesMax) bytes")
        }
        try checkString(text.count + growth)
        return .string(text.replacing(old, with: new, limit: limit))
    }

    /// Jinja's own title case: a word begins after white space, `-`, `(`, `{`, `[` and `<`.
    private func titled(_ text: MarkedString) -> MarkedString {
        var beginsWord = true
        return text.mapScalars { scalar, _ in
            defer { beginsWord = scalar.isPythonSpace || "-({[<".unicodeScalars.contains(scalar) }
            return beginsWord ? scalar.properties.uppercaseMapping : scalar.properties.lowercaseMapping
        }
    }

    private func wordCount(_ text: MarkedString) -> Int {
        var count = 0
        var isInWord = false
        text.forEachScalar { scalar, _ in
            let belongs =
                scalar == "_" || scalar.properties.isAlphabetic || scalar.properties.numericType != nil
            if belongs && !isInWord { count += 1 }
            isInWord = belongs
        }
        return count
    }

    /// `text` with HTML's special characters as references, each under its own mark.
    func escape(_ text: MarkedString) -> MarkedString {
        var escaped = text.mapScalars { scalar, _ in
            switch scalar {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "\"": "&#34;"
            case "'": "&#39;"
            default: String(Character(scalar))
            }
        }
        escaped.isMarkup = true
        return escaped
    }

    private func urlEncode(_ text: MarkedString) -> MarkedString {
        text.mapScalars { scalar, _ in
            if scalar.isASCII, scalar.properties.isAlphabetic || scalar.properties.numericType != nil {
                return String(Character(scalar))
            }
            if "_.-~/".unicodeScalars.contains(scalar) { return String(Character(scalar)) }
            return String(Character(scalar)).utf8.map { byte in
                "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }.joined()
        }
    }

    /// Without what stands between `<` and `>`, and with white space as single spaces.
    private func stripTags(_ text: MarkedString) -> MarkedString {
        var result = MarkedString()
        var start = 0
        while let open = text.firstRange(of: MarkedString("<"), from: start),
            let close = text.firstRange(of: MarkedString(">"), from: open.upperBound)
        {
            result.append(text, start..<open.lowerBound)
            start = close.upperBound
        }
        result.append(text, start..<text.count)
        var words = MarkedString()
        for word in result.splitWords() {
            if !words.isEmpty { words.append(" ") }
            words.append(word)
        }
        return words
    }

    /// Each line but the first (and empty ones) indented.
    private func indent(_ text: MarkedString, _ arguments: Arguments, _ name: String) throws(TemplateError)
        -> Value
    {
        let bound = try bind(arguments, name, ["width", "first", "blank"])
        let indentation: MarkedString
        if case .string(let text)? = bound[0] {
            indentation = text
        } else {
            let width =
                try bound[0].map { value throws(TemplateError) in
                    try requireInt(value, "\(name)'s width")
                } ?? 4
            indentation = try pad(MarkedString(), to: width, .left)
        }
        var result = MarkedString()
        // A line feed at the end begins one more, empty line.
        var ended = text
        ended.append("\n")
        for (index, line) in ended.splitLines().enumerated() {
            if index > 0 { result.append("\n") }
            let isIndented =
                index == 0 ? bound[1]?.isTrue ?? false : !line.isEmpty || bound[2]?.isTrue ?? false
            if isIndented { result.append(indentation) }
            try checkString(result.count + line.count)
            result.append(line)
        }
        return .string(result)
    }

    private func truncate(_ text: MarkedString, _ arguments: Arguments, _ name: String) throws(TemplateError)
        -> Value
    {
        let bound = try bind(arguments, name, ["length", "killwords", "end", "leeway"])
        let length =
            try bound[0].map { value throws(TemplateError) in try requireInt(value, "\(name)'s length") }
            ?? 255
        let end = try optionalString(bound[2], "\(name)'s end") ?? MarkedString("...")
        let leeway =
            try bound[3].flatMap { $0.isNone ? nil : $0 }.map { value throws(TemplateError) in
                try requireInt(value, "\(name)'s leeway")
            } ?? 5
        let offsets = text.characterOffsets()
        guard length >= end.characterCount, leeway >= 0 else {
            throw failure("\(name) needs a longer length")
        }
        let (reach, overflows) = length.addingReportingOverflow(leeway)
        if overflows || offsets.count - 1 <= reach { return .string(text) }
        var result = text.slice(0..<offsets[length - end.characterCount])
        if !(bound[1]?.isTrue ?? false),
            let space = result.lastRange(of: MarkedString(" "), before: result.count)
        {
            result = result.slice(0..<space.lowerBound)
        }
        result.append(end)
        return .string(result)
    }

    /// Lines of at most `width` code points, broken at spaces.
    private func wrap(_ text: MarkedString, _ arguments: Arguments, _ name: String) throws(TemplateError)
        -> Value
    {
        let bound = try bind(arguments, name, ["width", "break_long_words", "wrapstring"])
        let width =
            try bound[0].map { value throws(TemplateError) in try requireInt(value, "\(name)'s width") } ?? 79
        guard width > 0 else { throw failure("\(name) needs a positive width") }
        let newline = try optionalString(bound[2], "\(name)'s wrapstring") ?? MarkedString("\n")
        let breaksWords = bound[1]?.isTrue ?? true
        var lines: [MarkedString] = []
        for paragraph in text.splitLines() {
            var line = MarkedString()
            for word in paragraph.splitWords() {
                if !line.isEmpty, line.characterCount + 1 + word.characterCount > width {
                    lines.append(line)
                    line = MarkedString()
                }
                if !line.isEmpty { line.append(" ") }
                line.append(word)
                while breaksWords, line.characterCount > width {
                    let cut = line.characterOffsets()[width]
                    lines.append(line.slice(0..<cut))
                    line = line.slice(cut..<line.count)
                }
            }
            lines.append(line)
        }
        return .string(try join(lines, newline))
    }

    enum Alignment { case left, right, center }

    /// `text` with `fill` around it up to `width` code points.
    func pad(
        _ text: MarkedString, to width: Int, _ alignment: Alignment, fill: MarkedString = MarkedString(" ")
    ) throws(TemplateError) -> MarkedString {
        let missing = width - text.characterCount
        guard width > 0, missing > 0 else { return text }
        try checkString(text.count + missing)
        let left =
            switch alignment {
            case .left: 0
            case .right: missing
            // As Python's str.center puts the odd one.
            case .center: missing / 2 + (missing & width & 1)
            }
        var result = MarkedString()
        for _ in 0..<left { result.append(fill) }
        result.append(text)
        for _ in left..<missing { result.append(fill) }
        return result
    }
}
