import Testing

@testable import HTTP

@Suite("Addresses")
struct AddressTests {
    @Test(
        "Addresses are read strictly and written as RFC 5952 has it",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("::1", "::1"), ("::", "::"),
            ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"), ("::ffff:192.0.2.1", "192.0.2.1"),
            ("::ffff:c000:201", "192.0.2.1"), ("::192.0.2.1", "::192.0.2.1"), ("", nil), ("1.2.3", nil),
            ("1.2.3.4.5", nil), ("01.2.3.4", nil), ("0x1.2.3.4", nil), ("1.2.3.256", nil), (" 1.2.3.4", nil),
            ("1.2.3.4 ", nil), ("1.2.3.4\0", nil), ("1.2.3.4\0x", nil), (":::", nil), ("1::2::3", nil),
            ("fe80::1%1", nil), ("[::1]", nil), ("localhost", nil),
            ("1111:1111:1111:1111:1111:1111:111.111.111.1111", nil),
        ] as [(String, String?)])
    func text(text: String, expected: String?) {
        #expect(IPAddress(text)?.text == expected)
    }

    @Test(
        "Loopback is 127.0.0.0/8 and ::1",
        arguments: [
            ("127.0.0.1", true), ("127.255.255.255", true), ("128.0.0.1", false), ("126.255.255.255", false),
            ("::1", true), ("::2", false), ("::", false), ("0.0.0.0", false), ("::ffff:127.0.0.1", true),
            ("::127.0.0.1", false),
        ])
    func loopback(text: String, expected: Bool) throws {
        #expect(try #require(IPAddress(text)).isLoopback == expected)
    }

    @Test(
        "A range has its first and last address, and not their neighbours",
        arguments: [
            ("10.0.0.0/8", "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"),
            ("192.0.2.128/25", "192.0.2.128", "192.0.2.255", "192.0.2.127", "192.0.3.0"),
            ("192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1", "192.0.2.0", "192.0.2.2"),
            ("192.0.2.1/32", "192.0.2.1", "192.0.2.1", "192.0.2.0", "192.0.2.2"),
            (
                "2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db7::",
                "2001:db9::"
            ),
            ("::1/128", "::1", "::1", "::", "::2"),
            // Families are apart: nothing of IPv4 is in a range of IPv6.
            ("::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "0.0.0.0", "1.2.3.4"),
            ("0.0.0.0/0", "0.0.0.0", "255.255.255.255", "::", "::1"),
        ])
    func ranges(text: String, first: String, last: String, before: String, after: String) throws {
        let range = try #require(AddressRange(text))
        for inside in [first, last] { #expect(range.contains(try #require(IPAddress(inside))), "\(inside)") }
        for outside in [before, after] {
            #expect(!range.contains(try #require(IPAddress(outside))), "\(outside)")
        }
    }

    @Test(
        "What is no range is refused",
        arguments: [
            "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0.0/8/8", "10.1.0.0/8", "::/129",
            "10/8",
            "::1/0001", "10.0.0.0 /8", "host/8",
        ])
    func badRanges(text: String) {
        #expect(AddressRange(text) == nil)
    }
}
