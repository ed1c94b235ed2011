/// `uri-host [ ":" port ]` (RFC 9110 §7.2): no user, no path, no list, and not empty.
enum HostField {
    static func isValid(_ bytes: ArraySlice<UInt8>) -> Bool {
        let (host, port) = split(bytes)
        if let port {
            guard port.count <= 5, let number = ASCII.decimal(port), (1...65_535).contains(number) else {
                return false
            }
        }
        if host.first == UInt8(ascii: "[") {
            return host.count > 2 && host.last == UInt8(ascii: "]")
                && host.dropFirst().dropLast().allSatisfy(isAddressByte)
        }
        return !host.isEmpty && host.allSatisfy { isNameByte($0) }
    }

    /// Of a valid value.
    static func split(_ bytes: ArraySlice<UInt8>) -> (
        host: ArraySlice<UInt8>, port: ArraySlice<UInt8>?
    ) {
        let literalEnd = bytes.first == UInt8(ascii: "[") ? bytes.firstIndex(of: UInt8(ascii: "]")) : nil
        let from = literalEnd ?? bytes.startIndex
        guard let colon = bytes[from...].firstIndex(of: UInt8(ascii: ":")) else { return (bytes, nil) }
        return (bytes[..<colon], bytes[(colon + 1)...])
    }

    /// `unreserved` of RFC 3986; no real host needs more, and commas and escapes have fooled proxies.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        default: ASCII.isLetter(byte) || ASCII.isDigit(byte)
        }
    }

    private static func isAddressByte(_ byte: UInt8) -> Bool {
        ASCII.hexValue(byte) != nil || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
    }
}
