import Testing

@testable import Telemetry

@Suite("Histograms")
struct DurationHistogramTests {
    @Test("A duration counts in its bucket, at the bound still, and in all above it")
    func buckets() {
        let histogram = DurationHistogram(milliseconds: [1, 10])
        for nanoseconds: UInt64 in [0, 1_000_000, 1_000_001, 10_000_000, 10_000_001, .max] {
            histogram.observe(nanoseconds: nanoseconds)
        }
        var text = PrometheusText()
        text.family("d_seconds", "How long.", histogram, [("model", "m")])
        let lines = String(decoding: text.bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        #expect(
            lines[1...4] == [
                "# TYPE d_seconds histogram",
                #"d_seconds_bucket{model="m",le="0.001"} 2"#,
                #"d_seconds_bucket{model="m",le="0.01"} 4"#,
                #"d_seconds_bucket{model="m",le="+Inf"} 6"#,
            ])
        #expect(lines[6] == #"d_seconds_count{model="m"} 6"#)
        #expect(histogram.count == 6)
    }

    @Test("The sum is in seconds")
    func sum() {
        let histogram = DurationHistogram(milliseconds: [1])
        histogram.observe(nanoseconds: 1_500_000_000)
        histogram.observe(nanoseconds: 250_000_000)
        var text = PrometheusText()
        text.family("d_seconds", "How long.", histogram)
        #expect(String(decoding: text.bytes, as: UTF8.self).contains("\nd_seconds_sum 1.75\n"))
    }

    @Test("Threads that observe at once lose nothing")
    func concurrency() async {
        let histogram = DurationHistogram(milliseconds: [1, 2, 3])
        await withTaskGroup(of: Void.self) { group in
            for milliseconds: UInt64 in 0..<8 {
                group.addTask {
                    for _ in 0..<10_000 { histogram.observe(nanoseconds: milliseconds * 1_000_000) }
                }
            }
        }
        #expect(histogram.count == 80_000)
        #expect(histogram.nanoseconds == 28 * 10_000 * 1_000_000)
    }
}
