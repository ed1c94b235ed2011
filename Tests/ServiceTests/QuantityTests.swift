import Testing

@testable import Service

@Suite struct QuantityTests {
    @Test(arguments: [
        ("0", 0), ("4096", 4096), ("64KiB", 65_536), ("64K", 65_536), ("3B", 3), ("2MiB", 2 << 20),
        ("2GiB", 2 << 30),
        ("1TiB", 1 << 40),
    ])
    func `bytes are read`(text: String, bytes: Int) {
        #expect(Quantity.bytes(text) == bytes)
    }

    @Test(arguments: [
        "", "KiB", "-1", "+1", "1 KiB", "1.5GiB", "1kb", "1GB", "9223372036854775808", "9000000TiB",
    ])
    func `other texts are no bytes`(text: String) {
        #expect(Quantity.bytes(text) == nil)
    }

    @Test(arguments: [("500ms", 500), ("30s", 30_000), ("2m", 120_000), ("1h", 3_600_000)])
    func `times are read`(text: String, milliseconds: Int) {
        #expect(Quantity.duration(text) == .milliseconds(milliseconds))
    }

    @Test(arguments: ["", "30", "s", "-1s", "1d", "9223372036854775807h"])
    func `other texts are no times`(text: String) {
        #expect(Quantity.duration(text) == nil)
    }

    @Test func `bytes are shown with one decimal`() {
        #expect(Quantity.show(bytes: 1023) == "1023 B")
        #expect(Quantity.show(bytes: 1536) == "1.5 KiB")
        #expect(Quantity.show(bytes: 98 << 20) == "98.0 MiB")
        #expect(Quantity.show(bytes: 5 << 40) == "5.0 TiB")
    }
}
