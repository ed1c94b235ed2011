import Glibc

/// Numbers in the notations that Python's format strings ask for.
enum NumberFormat {
    /// The most digits that a precision may ask for.
    static let digitsMax = 400

    /// `digits` places after the point, correctly rounded.
    static func fixed(_ value: Double, digits: Int) -> String { print(value, "f", digits) }

    /// `%e`, `%f` or `%g` of the C library, which Python's results equal.
    static func print(_ value: Double, _ letter: Character, _ digits: Int, alternate: Bool = false) -> String
    {
        guard value.isFinite else {
            let text = value.isNaN ? "nan" : value < 0 ? "-inf" : "inf"
            return letter.isUppercase ? text.uppercased() : text
        }
        var buffer = [CChar](repeating: 0, count: 1024)
        let precision = CInt(min(max(digits, 0), digitsMax))
        let length = withVaList([precision, value]) { arguments in
            vsnprintf(&buffer, buffer.count, "%\(alternate ? "#" : "").*\(letter)", arguments)
        }
        let count = min(max(Int(length), 0), buffer.count - 1)
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// An integer's digits in base 2, 8, 10 or 16, without its sign.
    static func magnitude(_ value: Int, _ letter: Character) -> String {
        switch letter {
        case "b": String(value.magnitude, radix: 2)
        case "o": String(value.magnitude, radix: 8)
        case "x": String(value.magnitude, radix: 16)
        case "X": String(value.magnitude, radix: 16, uppercase: true)
        default: String(value.magnitude)
        }
    }

    /// Groups of three digits before the point.
    static func grouped(_ digits: String, by separator: Character) -> String {
        let whole = digits.prefix { $0.isNumber }
        var result = ""
        for (index, digit) in whole.enumerated() {
            if index > 0, (whole.count - index).isMultiple(of: 3) { result.append(separator) }
            result.append(digit)
        }
        return result + digits.dropFirst(whole.count)
    }
}
