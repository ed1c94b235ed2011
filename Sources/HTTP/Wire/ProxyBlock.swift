/// Version 2 of the PROXY protocol (§2.2): 16 fixed bytes, then addresses, then type-length-values.
///
///     signature (12) | version, command (1) | family, transport (1) | length of the rest (2, big-endian) | the rest
enum ProxyBlock {
    static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    static let fixedBytes = 16
    /// PP2_TYPE_CRC32C.
    private static let checksumType: UInt8 = 0x03

    /// - Parameter bytes: At least the fixed ones, with the signature.
    static func parse(_ bytes: [UInt8], bytesMax: Int) -> ProxyHeader.Verdict {
        let (versionAndCommand, familyAndTransport) = (bytes[12], bytes[13])
        let length = fixedBytes + Int(bytes[14]) << 8 + Int(bytes[15])
        guard versionAndCommand >> 4 == 2, versionAndCommand & 15 <= 1 else { return .invalid(.malformed) }
        let isLocal = versionAndCommand & 15 == 0
        // Unassigned families and transports must be rejected; LOCAL's are not to be looked at.
        guard isLocal || (familyAndTransport >> 4 <= 3 && familyAndTransport & 15 <= 2) else {
            return .invalid(.malformed)
        }
        let addressBytes = isLocal ? 0 : addressBytes(family: familyAndTransport >> 4)
        guard length >= fixedBytes + addressBytes else { return .invalid(.malformed) }
        guard length <= bytesMax else { return .invalid(.oversized) }
        guard bytes.count >= length else { return .incomplete }
        if isLocal { return .complete(length: length, client: nil) }
        guard areValuesSound(bytes, from: fixedBytes + addressBytes, to: length) else {
            return .invalid(.malformed)
        }
        return .complete(length: length, client: client(bytes, family: familyAndTransport >> 4))
    }

    /// Source and destination together: IPv4, IPv6, unix.
    private static func addressBytes(family: UInt8) -> Int {
        switch family {
        case 1: 12
        case 2: 36
        case 3: 216
        default: 0
        }
    }

    /// Source address, destination address, source port, destination port.
    private static func client(_ bytes: [UInt8], family: UInt8) -> ProxyHeader.Client? {
        let width =
            switch family {
            case 1: 4
            case 2: 16
            default: 0
            }
        let portAt = fixedBytes + 2 * width
        return IPAddress(networkOrder: bytes[fixedBytes..<fixedBytes + width]).map {
            ProxyHeader.Client(address: $0, port: UInt16(bytes[portAt]) << 8 | UInt16(bytes[portAt + 1]))
        }
    }

    /// Type (1), length (2), value, over and over to the end. Unknown types are skipped; a checksum must be right.
    private static func areValuesSound(_ bytes: [UInt8], from start: Int, to end: Int) -> Bool {
        var position = start
        while position < end {
            guard position + 3 <= end else { return false }
            let value = position + 3
            let next = value + Int(bytes[position + 1]) << 8 + Int(bytes[position + 2])
            guard next <= end else { return false }
            if bytes[position] == checksumType {
                guard next - value == 4,
                    checksum(bytes[..<end], leavingOut: value..<next)
                        == bytes[value..<next].reduce(
                            UInt32(0), { $0 << 8 | UInt32($1) })
                else { return false }
            }
            position = next
        }
        return true
    }

    /// CRC-32C (RFC 4960 appendix B) of the whole header, with the checksum's own bytes as zeros (§2.2.3).
    private static func checksum(_ bytes: ArraySlice<UInt8>, leavingOut own: Range<Int>) -> UInt32 {
        var sum = UInt32.max
        for (index, byte) in zip(bytes.indices, bytes) {
            sum ^= own.contains(index) ? 0 : UInt32(byte)
            for _ in 0..<8 { sum = sum >> 1 ^ (sum & 1 == 1 ? 0x82F6_3B78 : 0) }
        }
        return ~sum
    }
}
