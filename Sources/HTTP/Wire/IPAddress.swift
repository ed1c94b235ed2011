import Glibc

/// An IPv4 or IPv6 address, without a port or a zone. An IPv4 address that is written as an IPv6 one
/// (`::ffff:192.0.2.1`, RFC 4291 §2.5.5.2) is the IPv4 address.
struct IPAddress: Equatable, Sendable {
    let isIPv4: Bool
    /// In host order; an IPv4 address in the low 32 bits.
    let bits: UInt128

    private static let mappedPrefix = UInt128(0xFFFF) << 32
    /// The longest text of an address (RFC 4291 §2.2), in bytes.
    static let textBytesMax = 45

    init(ipv4 bits: UInt32) {
        isIPv4 = true
        self.bits = UInt128(bits)
    }

    init(ipv6 bits: UInt128) {
        isIPv4 = bits >> 32 == Self.mappedPrefix >> 32
        self.bits = isIPv4 ? bits & 0xFFFF_FFFF : bits
    }

    /// From the bytes of an address in network order; nil unless there are 4 or 16.
    init?(networkOrder bytes: some Collection<UInt8>) {
        let bits = bytes.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
        switch bytes.count {
        case 4: self.init(ipv4: UInt32(truncatingIfNeeded: bits))
        case 16: self.init(ipv6: bits)
        default: return nil
        }
    }

    /// Four decimal numbers without leading zeros, or any form of RFC 4291 §2.2; no brackets, no zone.
    init?(_ text: some Collection<UInt8>) {
        guard text.count <= Self.textBytesMax, !text.contains(0) else { return nil }
        let zeroEnded = text.map(CChar.init(bitPattern:)) + [0]
        let isIPv6 = text.contains(UInt8(ascii: ":"))
        var bytes = [UInt8](repeating: 0, count: isIPv6 ? 16 : 4)
        guard inet_pton(isIPv6 ? AF_INET6 : AF_INET, zeroEnded, &bytes) == 1 else { return nil }
        self.init(networkOrder: bytes)
    }

    init?(_ text: String) { self.init(text.utf8) }

    var isLoopback: Bool { isIPv4 ? bits >> 24 == 127 : bits == 1 }

    /// As RFC 5952 writes it.
    var text: String {
        let count = isIPv4 ? 4 : 16
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: bits >> UInt128(8 * (count - 1 - $0))) }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(isIPv4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count)) != nil else {
            return "unknown"
        }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// `192.0.2.1:80`, `[2001:db8::1]:80`; without a port the address alone.
    func text(port: UInt16?) -> String {
        guard let port else { return text }
        return isIPv4 ? "\(text):\(port)" : "[\(text)]:\(port)"
    }
}
