import Glibc

/// The functions that every template can call.
enum GlobalFunction: String, Sendable, CaseIterable {
    case dict, namespace, range
    case raiseException = "raise_exception"
    case strftimeNow = "strftime_now"
}

extension Interpreter {
    func call(_ function: GlobalFunction, _ arguments: Arguments) throws(TemplateError) -> Value {
        let name = "the function '\(function.rawValue)'"
        switch function {
        case .dict:
            let dictionary = DictionaryValue()
            try update(dictionary, arguments, name)
            return .dictionary(dictionary)
        case .namespace:
            let namespace = NamespaceValue()
            remember(.namespace(namespace))
            try update(namespace.attributes, arguments, name)
            return .namespace(namespace)
        case .range: return try range(arguments, name)
        case .raiseException:
            let message = try print(try bind(arguments, name, ["message"])[0] ?? .none)
            throw TemplateError(kind: .raised, message: message.text, line: line)
        case .strftimeNow:
            let format = try requireString(try bind(arguments, name, ["format"])[0], "\(name)'s format")
            let isTemplate = format.segments.allSatisfy(\.isTemplate)
            return .string(MarkedString(try formatTime(format.text), isTemplate: isTemplate))
        }
    }

    private func range(_ arguments: Arguments, _ name: String) throws(TemplateError) -> Value {
        var bounds: [Int] = []
        guard arguments.named.isEmpty, (1...3).contains(arguments.positional.count) else {
            throw failure("\(name) takes one to three integers")
        }
        for value in arguments.positional { bounds.append(try requireInt(value, "\(name)'s argument")) }
        let (start, stop) = bounds.count == 1 ? (0, bounds[0]) : (bounds[0], bounds[1])
        let step = bounds.count == 3 ? bounds[2] : 1
        guard step != 0 else { throw failure("\(name)'s step cannot be zero") }
        if step > 0 ? start >= stop : start <= stop { return .list(ListValue([])) }
        // Unsigned, because the distance of two integers need not be one.
        let distance =
            step > 0
            ? UInt(bitPattern: stop) &- UInt(bitPattern: start)
            : UInt(bitPattern: start) &- UInt(bitPattern: stop)
        let count = (distance - 1) / step.magnitude + 1
        try checkElements(Int(exactly: count) ?? .max)
        return .list(ListValue((0..<Int(count)).map { .int(start &+ $0 &* step) }))
    }

    /// The local time in strftime's notation, as `datetime.now().strftime` writes it.
    private func formatTime(_ format: String) throws(TemplateError) -> String {
        var seconds = time_t(now)
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil else { throw failure("the time cannot be told") }
        // The space in front tells an empty result from one that does not fit.
        var buffer = [CChar](repeating: 0, count: 1024)
        let length = strftime(&buffer, buffer.count, " " + format, &parts)
        guard length > 0 else { throw limitReached("a time's format is too long") }
        return String(decoding: buffer[1..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
