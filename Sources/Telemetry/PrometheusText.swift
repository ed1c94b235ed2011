/// Prometheus' text format, version 0.0.4, as it grows: one family after the other, each with its help, its type and
/// then its samples.
///
///     var text = PrometheusText()
///     text.family("apus_http_responses_total", .counter, "Responses by status.")
///     text.sample(12, [("status", "200")])
///     text.family("apus_kv_bytes", .gauge, "The KV memory's budget.", 1_048_576)
///
/// Names and help come from the program, label values may come from anywhere: they are escaped.
public struct PrometheusText: Sendable {
    public enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    public typealias Labels = [(name: String, value: String)]

    /// For the response: what the bytes are.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    public private(set) var bytes: [UInt8] = []
    /// The family that samples belong to.
    private var name = ""

    public init(reservingCapacity capacity: Int = 16_384) {
        bytes.reserveCapacity(capacity)
    }

    // MARK: - Families

    /// Begins a family. Its samples follow; a name may come only once in a text.
    public mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        append("# HELP ", name, " ", help)
        append("\n# TYPE ", name, " ", kind.rawValue)
        append("\n")
    }

    /// A family of one sample.
    public mutating func family(_ name: String, _ kind: Kind, _ help: String, _ value: Int) {
        family(name, kind, help)
        sample(value)
    }

    public mutating func family(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
        family(name, kind, help)
        sample(value)
    }

    /// A family of one histogram, in seconds.
    public mutating func family(
        _ name: String, _ help: String, _ histogram: DurationHistogram, _ labels: Labels = []
    ) {
        family(name, .histogram, help)
        histogram.write(to: &self, labels)
    }

    // MARK: - Samples

    public mutating func sample(_ value: Int, _ labels: Labels = []) {
        sample(suffix: "", value, labels)
    }

    public mutating func sample(_ value: Double, _ labels: Labels = []) {
        beginSample(suffix: "", labels)
        append(Self.text(value), "\n")
    }

    mutating func sample(suffix: String, _ value: Int, _ labels: Labels) {
        beginSample(suffix: suffix, labels)
        append(String(value), "\n")
    }

    mutating func sample(suffix: String, _ value: Double, _ labels: Labels) {
        beginSample(suffix: suffix, labels)
        append(Self.text(value), "\n")
    }

    private mutating func beginSample(suffix: String, _ labels: Labels) {
        append(name, suffix)
        var separator = "{"
        for label in labels {
            append(separator, label.name, "=\"")
            appendEscaped(label.value)
            append("\"")
            separator = ","
        }
        append(labels.isEmpty ? " " : "} ")
    }

    /// As the format reads numbers: like Go's ParseFloat, which knows `1e-05` and `+Inf`.
    static func text(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        // Whole numbers without `.0`; above 2^53 they would pretend to digits that are not known.
        if value == value.rounded(), abs(value) < 9_007_199_254_740_992 { return String(Int(value)) }
        return "\(value)"
    }

    private mutating func append(_ texts: String...) {
        for text in texts { bytes.append(contentsOf: text.utf8) }
    }

    /// Backslash, quotation mark and line feed are escaped in a label's value.
    private mutating func appendEscaped(_ text: String) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"), UInt8(ascii: "\""):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case UInt8(ascii: "\n"):
                bytes.append(contentsOf: #"\n"#.utf8)
            default:
                bytes.append(byte)
            }
        }
    }
}
