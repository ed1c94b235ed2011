import Compute
import Glibc
import JSON

/// What `apus bench` found, as text or as JSON, one line each on standard output.
struct BenchReport: Sendable {
    /// The speed of one piece of work, and the most that this machine could reach in the same minute.
    struct Speed: Sendable {
        var test: String
        var tokens: Int
        var batch: Int
        var depth: Int
        var tokensPerSecond: Double
        /// Of the matrices; attention is not counted.
        var multiplyAddsPerSecond: Double
        /// Of the weights; the KV cache is not counted.
        var bytesPerSecond: Double
        var multiplyAddsPerSecondMax: Double
        var bytesPerSecondMax: Double
    }

    let asJSON: Bool
    let threads: Int
    let precision: Precision

    func write(_ speed: Speed) {
        let peak = speed.multiplyAddsPerSecond / speed.multiplyAddsPerSecondMax
        let bandwidth = speed.bytesPerSecond / speed.bytesPerSecondMax
        guard asJSON else {
            let at = speed.depth > 16 ? " at \(speed.depth)" : ""
            return line(
                "\(speed.test), batch \(speed.batch), \(speed.tokens) tokens\(at), \(threads) threads: "
                    + "\(decimals(speed.tokensPerSecond)) tokens/s; "
                    + "\(percent(peak)) of \(giga(speed.multiplyAddsPerSecondMax)) G multiply-adds/s, "
                    + "\(percent(bandwidth)) of \(giga(speed.bytesPerSecondMax)) GB/s read")
        }
        object { writer in
            text("test", speed.test, &writer)
            let counts = [("tokens", speed.tokens), ("batch", speed.batch), ("depth", speed.depth)]
            for (name, value) in counts + [("threads", threads)] {
                writer.key(named: name)
                writer.int(value)
            }
            text("precision", precision.rawValue, &writer)
            number("tokens_per_second", speed.tokensPerSecond, &writer)
            number("gmac_per_second", speed.multiplyAddsPerSecond / 1e9, &writer)
            number("gmac_per_second_max", speed.multiplyAddsPerSecondMax / 1e9, &writer)
            number("weight_gb_per_second", speed.bytesPerSecond / 1e9, &writer)
            number("read_gb_per_second_max", speed.bytesPerSecondMax / 1e9, &writer)
            number("of_integer_peak", peak, &writer)
            number("of_read_bandwidth", bandwidth, &writer)
        }
    }

    func write(_ divergence: BenchDivergence) {
        guard asJSON else {
            return line(
                "mean KL divergence of q8 from high over \(divergence.positions) positions: "
                    + "\(decimals(divergence.mean)); the same greedy token at \(percent(divergence.sameGreedy))"
            )
        }
        object { writer in
            text("test", "divergence", &writer)
            writer.key("positions")
            writer.int(divergence.positions)
            number("mean_kl", divergence.mean, &writer)
            number("same_greedy", divergence.sameGreedy, &writer)
        }
    }

    private func object(_ fields: (inout JSONWriter) -> Void) {
        var writer = JSONWriter()
        writer.beginObject()
        text("engine", "apus", &writer)
        fields(&writer)
        writer.endObject()
        LogOutput.writeAll(writer.bytes + [UInt8(ascii: "\n")], to: STDOUT_FILENO)
    }

    private func text(_ name: String, _ value: String, _ writer: inout JSONWriter) {
        writer.key(named: name)
        writer.string(value)
    }

    private func number(_ name: String, _ value: Double, _ writer: inout JSONWriter) {
        writer.key(named: name)
        writer.append(raw: Array(decimals(value).utf8))
    }

    private func line(_ text: String) {
        LogOutput.writeAll(Array((text + "\n").utf8), to: STDOUT_FILENO)
    }

    /// Two decimals, or for small numbers five.
    private func decimals(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e12 else { return "0" }
        let places = abs(value) < 1 ? 5 : 2
        let unit = places == 5 ? 100_000 : 100
        let scaled = Int((abs(value) * Double(unit)).rounded())
        let fraction = String(scaled % unit)
        let zeros = String(repeating: "0", count: places - fraction.count)
        return (value < 0 ? "-" : "") + "\(scaled / unit).\(zeros)\(fraction)"
    }

    private func percent(_ value: Double) -> String { "\(Int((value * 100).rounded())) %" }
    private func giga(_ value: Double) -> String { "\(Int((value / 1e9).rounded()))" }
}
