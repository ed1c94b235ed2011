import Testing

@testable import Telemetry

@Suite("Prometheus text")
struct PrometheusTextTests {
    private func text(_ write: (inout PrometheusText) -> Void) -> String {
        var text = PrometheusText()
        write(&text)
        return String(decoding: text.bytes, as: UTF8.self)
    }

    @Test("A family is its help, its type and its samples")
    func family() {
        let text = text {
            $0.family("a_total", .counter, "All of it.", 3)
            $0.family("b", .gauge, "By colour.")
            $0.sample(1, [("colour", "red")])
            $0.sample(0.25, [("colour", "blue"), ("size", "2")])
        }
        #expect(
            text == """
                # HELP a_total All of it.
                # TYPE a_total counter
                a_total 3
                # HELP b By colour.
                # TYPE b gauge
                b{colour="red"} 1
                b{colour="blue",size="2"} 0.25

                """)
    }

    @Test("A label's value cannot end its line, nor itself")
    func escaping() {
        let text = text {
            $0.family("a", .gauge, "h")
            $0.sample(1, [("v", "a\\b\"c\nd{}=,")])
        }
        #expect(text.hasSuffix("\na{v=\"a\\\\b\\\"c\\nd{}=,\"} 1\n"))
    }

    @Test(
        "Numbers are written as the format reads them",
        arguments: [
            (0.0, "0"), (12.0, "12"), (0.001, "0.001"), (0.00001, "1e-05"), (1e300, "1e+300"),
            (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"), (1_700_000_000.5, "1700000000.5"),
        ])
    func numbers(value: Double, text: String) {
        #expect(PrometheusText.text(value) == text)
    }

    @Test("A page holds the sections in their order")
    func page() {
        let page = MetricsPage()
        page.add { $0.family("a", .gauge, "h", 1) }
        page.add { $0.family("b", .gauge, "h", 2) }
        let text = String(decoding: page.render(), as: UTF8.self)
        #expect(text == "# HELP a h\n# TYPE a gauge\na 1\n# HELP b h\n# TYPE b gauge\nb 2\n")
    }

    @Test("The process has figures, and they are its own")
    func process() throws {
        let text = text { ProcessFigures().write(to: &$0) }
        func value(_ name: String) throws -> Double {
            let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(name + " ") })
            return try #require(Double(line.split(separator: " ")[1]))
        }
        #expect(try value("process_resident_memory_bytes") > 1_000_000)
        #expect(try value("process_virtual_memory_bytes") > value("process_resident_memory_bytes"))
        #expect(try value("process_open_fds") >= 3)
        #expect(try value("process_open_fds") < value("process_max_fds"))
        #expect(try value("process_cpu_seconds_total") > 0)
        // Started in this century, and not in the future.
        #expect(try value("process_start_time_seconds") > 1_500_000_000)
        let later = ContinuousClock.now.advanced(by: .milliseconds(20))
        while ContinuousClock.now < later {}
        let before = try value("process_cpu_seconds_total")
        let after = self.text { ProcessFigures().write(to: &$0) }
        #expect(!after.contains("process_cpu_seconds_total \(PrometheusText.text(before))\n"))
    }
}
