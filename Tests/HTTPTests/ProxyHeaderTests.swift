import Testing

@testable import HTTP

/// What the parser makes of bytes: `<length> <client>`, `<length> none`, `incomplete`, or the fault's name.
private func verdict(_ bytes: [UInt8], bytesMax: Int = 536) -> String {
    switch ProxyHeader.parse(bytes, bytesMax: bytesMax) {
    case .incomplete: "incomplete"
    case .complete(let length, let client): "\(length) \(client?.text ?? "none")"
    case .invalid(let fault): fault.rawValue
    }
}

private let request = Array("GET / HTTP/1.1\r\nHost: h\r\n\r\n".utf8)
private let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]

/// A header of version 2.
private func block(_ command: UInt8, _ family: UInt8, _ rest: [UInt8]) -> [UInt8] {
    signature + [command, family, UInt8(rest.count >> 8), UInt8(rest.count & 255)] + rest
}

private let ipv4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 2, 0xDC, 0x04, 0x01, 0xBB]
private let ipv6: [UInt8] =
    [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]
    + [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [2] + [0xDC, 0x04, 0x01, 0xBB]
/// PP2_TYPE_ALPN `h2`, PP2_TYPE_NOOP without a value, and a type that nobody knows.
private let values: [UInt8] = [0x01, 0, 2, 0x68, 0x32, 0x04, 0, 0, 0xEE, 0, 1, 7]

private let longest =
    "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
    + "65535 65535\r\n"

private let lines: [(String, String)] = [
    ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", "32 1.2.3.4:1"),
    ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "56 255.255.255.255:65535"),
    ("PROXY TCP4 1.2.3.4 5.6.7.8 0 0\r\n", "32 1.2.3.4:0"),
    ("PROXY TCP6 2001:db8::1 ::1 1 2\r\n", "32 [2001:db8::1]:1"),
    ("PROXY TCP6 ::ffff:1.2.3.4 ::1 1 2\r\n", "35 1.2.3.4:1"),
    ("PROXY UNKNOWN\r\n", "15 none"),
    ("PROXY UNKNOWN x\r\r\n", "malformed"),
    ("PROXY UNKNOWN 1.2.3.4 whatever\r\n", "32 none"),
    (longest, "107 none"),
    // One byte more.
    (String(longest.dropLast(1)) + " \r\n", "oversized"),
    ("PROXY UNKNOWN" + String(repeating: " x", count: 300) + "\r\n", "oversized"),
    ("", "incomplete"),
    ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r", "incomplete"),
    ("GET / HTTP/1.1\r\n", "missing"),
    ("proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n", "missing"),
    ("PROXYTCP4 1.2.3.4 5.6.7.8 1 2\r\n", "missing"),
    ("\r\nPROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", "missing"),
    ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", "malformed"),
    ("PROXY TCP4 1.2.3.4 5.6.7.8 1\r2\r\n", "malformed"),
    ("PROXY TCP4 1.2.3.4\t5.6.7.8 1 2\r\n", "malformed"),
    ("PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n", "malformed"),
    ("PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n", "malformed"),
    ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n", "malformed"),
    ("PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", "malformed"),
    ("PROXY TCP4 1.2.3.4 5.6.7.8\r\n", "malformed"),
    ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n", "malformed"),
    ("PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n", "malformed"),
    ("PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n", "malformed"),
    ("PROXY TCP4 256.2.3.4 5.6.7.8 1 2\r\n", "malformed"),
    ("PROXY TCP4 1.2.3.4 x 1 2\r\n", "malformed"),
    ("PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n", "malformed"),
    ("PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n", "malformed"),
    ("PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n", "malformed"),
    ("PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n", "malformed"),
    ("PROXY TCP4 ::1 ::2 1 2\r\n", "malformed"),
    ("PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n", "malformed"),
    ("PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", "malformed"),
    ("PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n", "malformed"),
    ("PROXY UNKNOWNS\r\n", "malformed"),
    ("PROXY \r\n", "malformed"),
    ("PROXY \n", "malformed"),
]

private let blocks: [(String, [UInt8], String)] = [
    ("IPv4", block(0x21, 0x11, ipv4), "28 192.0.2.1:56324"),
    ("IPv6", block(0x21, 0x21, ipv6), "52 [2001:db8::1]:56324"),
    ("IPv4 with values", block(0x21, 0x11, ipv4 + values), "40 192.0.2.1:56324"),
    ("a unix socket's client", block(0x21, 0x31, [UInt8](repeating: 1, count: 216)), "232 none"),
    ("UNSPEC", block(0x21, 0x00, []), "16 none"),
    ("UNSPEC with values", block(0x21, 0x00, values), "28 none"),
    ("LOCAL", block(0x20, 0x00, []), "16 none"),
    ("LOCAL with addresses and values, none of which counts", block(0x20, 0x11, ipv4 + values), "40 none"),
    ("LOCAL of a family that there is not, with anything behind", block(0x20, 0xFF, [1, 2, 3]), "19 none"),
    ("IPv4 over UDP", block(0x21, 0x12, ipv4), "28 192.0.2.1:56324"),
    ("version 1 in a block", block(0x11, 0x11, ipv4), "malformed"),
    ("version 3", block(0x31, 0x11, ipv4), "malformed"),
    ("command 2", block(0x22, 0x11, ipv4), "malformed"),
    ("family 4", block(0x21, 0x41, ipv4), "malformed"),
    ("transport 3", block(0x21, 0x13, ipv4), "malformed"),
    ("IPv4 with a byte too few", block(0x21, 0x11, ipv4.dropLast()), "malformed"),
    ("IPv6 with IPv4's length", block(0x21, 0x21, ipv4), "malformed"),
    ("a value longer than the header", block(0x21, 0x11, ipv4 + [0xEE, 0, 2, 7]), "malformed"),
    ("half of a value's head", block(0x21, 0x11, ipv4 + [0xEE, 0]), "malformed"),
    (
        "536 bytes", block(0x21, 0x11, ipv4 + [4, 1, 249] + [UInt8](repeating: 0, count: 505)),
        "536 192.0.2.1:56324"
    ),
    ("537 bytes", block(0x21, 0x11, ipv4 + [4, 1, 250] + [UInt8](repeating: 0, count: 506)), "oversized"),
    ("65,551 bytes", Array(block(0x21, 0x11, [UInt8](repeating: 0, count: 65_535))), "oversized"),
    (
        "a signature whose last byte is wrong", Array(signature.dropLast()) + [11, 0x21, 0x11, 0, 12] + ipv4,
        "missing"
    ),
    ("the signature alone", signature, "incomplete"),
    ("all but the last byte", block(0x21, 0x11, ipv4).dropLast(), "incomplete"),
]

@Suite("The PROXY protocol")
struct ProxyHeaderTests {
    @Test("Lines of version 1 (check 101)", arguments: lines)
    func line(text: String, expected: String) {
        expect(Array(text.utf8), expected)
    }

    @Test("Blocks of version 2 (check 101)", arguments: blocks)
    func block(name: String, bytes: [UInt8], expected: String) {
        expect(bytes, expected)
    }

    /// Whole, with a request behind it, and one byte more at a time.
    private func expect(_ bytes: [UInt8], _ expected: String) {
        #expect(verdict(bytes) == expected)
        if expected == "incomplete" { return }
        #expect(verdict(bytes + request) == expected)
        let first = (0...bytes.count).lazy.map { verdict(Array(bytes[..<$0])) }.first { $0 != "incomplete" }
        #expect(first == expected)
    }

    @Test("A checksum must be right, and only that one of 4 bytes is one (check 101)")
    func checksum() {
        // Computed with the table-driven CRC-32C of another program over the header with zeros in the checksum's place.
        let sound = HTTPTests.block(0x21, 0x11, ipv4 + [0x03, 0, 4] + Self.crc32c)
        #expect(verdict(sound) == "35 192.0.2.1:56324")
        for index in 16..<35 where index != 28 && index != 29 && index != 30 {
            var damaged = sound
            damaged[index] ^= 0x10
            #expect(verdict(damaged) == "malformed", "byte \(index)")
        }
        #expect(
            verdict(HTTPTests.block(0x21, 0x11, ipv4 + [0x03, 0, 3] + Array(Self.crc32c.dropLast())))
                == "malformed")
    }

    private static let crc32c: [UInt8] = [0x20, 0xEC, 0x95, 0x49]

    @Test("The gate holds no more than a header may have, and passes on what came behind it (check 101)")
    func gate() {
        var gate = ProxyGate(limits: HTTPLimits())
        let header = Array("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n".utf8)
        for byte in header.dropLast() { #expect(gate.receive([byte]) == .wait) }
        #expect(gate.capacity == 536 - header.count + 1)
        let client = ProxyHeader.Client(address: IPAddress(ipv4: 0x0102_0304), port: 1)
        #expect(gate.receive([10] + request) == .open(client: client, rest: request))

        var limits = HTTPLimits()
        limits.proxyHeaderBytesMax = 52
        var tight = ProxyGate(limits: limits)
        let sixth = IPAddress("2001:db8::1").map { ProxyHeader.Client(address: $0, port: 56_324) }
        #expect(tight.receive(HTTPTests.block(0x21, 0x21, ipv6)) == .open(client: sixth, rest: []))
        limits.proxyHeaderBytesMax = 51
        tight = ProxyGate(limits: limits)
        #expect(tight.receive(HTTPTests.block(0x21, 0x21, ipv6).prefix(51)) == .refuse(.oversized))
    }

    @Test("Whatever is done to a header, bytes that come later change no verdict, and none reads too far")
    func mutations() {
        var random = SmallRandom(seed: 11)
        let seeds = lines.map { Array($0.0.utf8) } + blocks.map(\.1).filter { $0.count < 1_000 }
        for round in 0..<3_000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0...Int(random.next(3)) where !bytes.isEmpty {
                bytes[Int(random.next(UInt64(bytes.count)))] = UInt8(truncatingIfNeeded: random.next(256))
            }
            let whole = verdict(bytes)
            for end in 0..<bytes.count {
                let part = verdict(Array(bytes[..<end]))
                #expect(part == "incomplete" || part == whole, "\(bytes) up to \(end)")
            }
            if case .complete(let length, _) = ProxyHeader.parse(bytes, bytesMax: 536) {
                #expect(length <= min(bytes.count, 536))
            }
        }
    }
}
