/// Amounts with units, as settings write them.
enum Quantity {
    private static let byteUnits: [(names: [String], shift: Int)] = [
        (["", "B"], 0), (["K", "KiB"], 10), (["M", "MiB"], 20), (["G", "GiB"], 30), (["T", "TiB"], 40),
    ]

    private static let timeUnits: [(name: String, milliseconds: Int)] = [
        ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000),
    ]

    /// `4096`, `64KiB`, `2GiB`, `2G`; nil for anything else. Units are powers of 1024.
    static func bytes(_ text: String) -> Int? {
        guard let (count, unit) = split(text) else { return nil }
        guard let shift = byteUnits.first(where: { $0.names.contains(unit) })?.shift else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: 1 << shift)
        return overflow ? nil : product
    }

    /// `500ms`, `30s`, `2m`, `1h`; nil for anything else.
    static func duration(_ text: String) -> Duration? {
        guard let (count, unit) = split(text) else { return nil }
        guard let factor = timeUnits.first(where: { $0.name == unit })?.milliseconds else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: factor)
        return overflow ? nil : .milliseconds(product)
    }

    /// For people: `98.0 MiB`.
    static func show(bytes: Int) -> String {
        var value = Double(bytes)
        var unit = "B"
        for next in ["KiB", "MiB", "GiB", "TiB"] where value >= 1024 {
            value /= 1024
            unit = next
        }
        if unit == "B" { return "\(bytes) B" }
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) \(unit)"
    }

    /// Plain digits and the letters behind them. (`Int("+5")` is 5, and here it is not.)
    private static func split(_ text: String) -> (count: Int, unit: String)? {
        let digits = text.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard !digits.isEmpty, let count = Int(Substring(digits)) else { return nil }
        return (count, String(text.dropFirst(digits.count)))
    }

    /// Plain digits only.
    static func integer(_ text: String) -> Int? {
        guard let (count, unit) = split(text), unit.isEmpty else { return nil }
        return count
    }
}
