import Glibc

extension Interpreter {
    func applyToNumber(
        _ filter: Filter, _ value: Value, _ arguments: Arguments, _ name: String
    ) throws(TemplateError) -> Value {
        switch filter {
        case .abs:
            _ = try bind(arguments, name, [])
            let number = try requireNumber(value, name)
            if case .float(let float) = number { return .float(Swift.abs(float)) }
            return (number.int ?? 0) < 0 ? try negate(number) : number
        case .float:
            let fallback = try bind(arguments, name, ["default"])[0] ?? .float(0)
            if let number = value.double { return .float(number) }
            guard case .string(let text) = value, let number = float(text) else { return fallback }
            return .float(number)
        case .int:
            let bound = try bind(arguments, name, ["default", "base"])
            let base = try bound[1].map { value throws(TemplateError) in
                try requireInt(value, "\(name)'s base")
            }
            return integer(value, base: base ?? 10) ?? bound[0] ?? .int(0)
        default:
            return try round(value, arguments, name)
        }
    }

    private func float(_ text: MarkedString) -> Double? {
        let digits = text.trimmed(.both).text
        // Swift also reads hexadecimal floats; Python does not.
        return digits.contains("x") || digits.contains("X") ? nil : Double(digits)
    }

    private func integer(_ value: Value, base: Int) -> Value? {
        if let number = value.int { return .int(number) }
        if case .float(let number) = value { return Int(exactly: number.rounded(.towardZero)).map(Value.int) }
        guard case .string(let text) = value, (2...36).contains(base) else { return nil }
        var digits = text.trimmed(.both).text.filter { $0 != "_" }
        let prefix = [2: "0b", 8: "0o", 16: "0x"][base] ?? "none"
        if digits.lowercased().hasPrefix(prefix) { digits.removeFirst(2) }
        if let number = Int(digits, radix: base) { return .int(number) }
        return float(text).flatMap { Int(exactly: $0.rounded(.towardZero)) }.map(Value.int)
    }

    private func round(_ value: Value, _ arguments: Arguments, _ name: String) throws(TemplateError) -> Value
    {
        let bound = try bind(arguments, name, ["precision", "method"])
        let precision =
            try bound[0].map { value throws(TemplateError) in
                try requireInt(value, "\(name)'s precision")
            } ?? 0
        let method = try optionalString(bound[1], "\(name)'s method")?.text ?? "common"
        guard let number = try requireNumber(value, name).double else { return value }
        guard (-300...300).contains(precision) else { throw failure("\(name)'s precision is out of range") }
        let rule: FloatingPointRoundingRule
        switch method {
        case "common": rule = .toNearestOrEven
        case "ceil": rule = .up
        case "floor": rule = .down
        default: throw failure("\(name)'s method must be common, ceil or floor")
        }
        if rule == .toNearestOrEven, precision >= 0 {
            if case .int = value { return value }
            // Rounds the decimal that the float stands for, as Python does.
            return .float(Double(NumberFormat.fixed(number, digits: precision)) ?? number)
        }
        let scale = pow(10, Double(precision))
        let scaled = (number * scale).rounded(rule) / scale
        return .float(scaled.isFinite ? scaled : number)
    }
}
