/// Floats as Python's `repr` writes them: the shortest digits that read back as the same value.
enum PythonFloat {
    static func description(of value: Double) -> String {
        if value.isNaN { return "nan" }
        if value.isInfinite { return value < 0 ? "-inf" : "inf" }
        let (digits, exponent) = shortest(value.magnitude)
        let sign = value.sign == .minus ? "-" : ""
        // Python changes to scientific notation below 1e-4 and from 1e16 on.
        if exponent < -4 || exponent >= 16 { return sign + scientific(digits, exponent) }
        if exponent < 0 { return sign + "0." + String(repeating: "0", count: -exponent - 1) + digits }
        if digits.count <= exponent + 1 {
            return sign + digits + String(repeating: "0", count: exponent + 1 - digits.count) + ".0"
        }
        return sign + digits.prefix(exponent + 1) + "." + digits.dropFirst(exponent + 1)
    }

    private static func scientific(_ digits: String, _ exponent: Int) -> String {
        let fraction = digits.count > 1 ? "." + digits.dropFirst() : ""
        let power = String(exponent.magnitude)
        let padding = power.count < 2 ? "0" : ""
        return digits.prefix(1) + fraction + "e" + (exponent < 0 ? "-" : "+") + padding + power
    }

    /// The significant digits d₁d₂… and the exponent of `d₁.d₂… · 10^exponent`.
    private static func shortest(_ value: Double) -> (digits: String, exponent: Int) {
        let parts = value.description.split(separator: "e")
        var exponent = parts.count > 1 ? Int(parts[1].drop { $0 == "+" }) ?? 0 : 0
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        exponent += mantissa[0].count - 1
        var digits = String(mantissa.joined())
        while digits.count > 1, digits.first == "0" {
            digits.removeFirst()
            exponent -= 1
        }
        while digits.count > 1, digits.last == "0" { digits.removeLast() }
        return value == 0 ? ("0", 0) : (digits, exponent)
    }
}
