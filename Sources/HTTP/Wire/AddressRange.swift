/// Addresses with the same beginning, in CIDR notation (RFC 4632 §3.1): `10.0.0.0/8`, `2001:db8::/32`; or one address.
struct AddressRange: Equatable, Sendable {
    private let first: IPAddress
    private let mask: UInt128

    /// Nil unless the text is an address, or an address and the length of the prefix. Bits behind the prefix are
    /// refused: who writes `10.1.0.0/8` means something else than what it says.
    init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ IPAddress($0) }), parts.count <= 2 else { return nil }
        let width = address.isIPv4 ? 32 : 128
        var prefix = width
        if parts.count == 2 {
            guard parts[1].count <= 3, let number = ASCII.decimal(parts[1]), number <= width else {
                return nil
            }
            prefix = number
        }
        let all = address.isIPv4 ? UInt128(UInt32.max) : .max
        mask = all & ~(prefix == width ? 0 : all >> UInt128(prefix))
        guard address.bits & ~mask == 0 else { return nil }
        first = address
    }

    func contains(_ address: IPAddress) -> Bool {
        address.isIPv4 == first.isIPv4 && address.bits & mask == first.bits
    }
}
