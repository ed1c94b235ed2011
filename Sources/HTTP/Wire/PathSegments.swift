/// The segments of an absolute path, each percent-decoded once, after splitting at `/` (RFC 3986 §2.4): a
/// `%2F` stays inside its segment, and nothing is normalised.
enum PathSegments {
    /// `/v1/models` gives `["v1", "models"]`; `/` gives `[""]`.
    ///
    /// - Throws: 400 for a bad escape, an escaped control byte, or what is not UTF-8 after decoding.
    static func decode(_ path: String) throws(WireError) -> [String] {
        var segments: [String] = []
        for part in Array(path.utf8).dropFirst().split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        {
            segments.append(try decodeSegment(part))
        }
        return segments
    }

    private static func decodeSegment(_ bytes: ArraySlice<UInt8>) throws(WireError) -> String {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var rest = bytes
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                decoded.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(ASCII.hexValue),
                let low = rest.popFirst().flatMap(ASCII.hexValue)
            else { throw WireError(.target, "A % in the path must be followed by two hexadecimal digits.") }
            let value = high << 4 | low
            guard value >= 0x20, value != 0x7F else {
                throw WireError(.target, "The path contains an escaped control character.")
            }
            decoded.append(value)
        }
        guard let text = String(validating: decoded, as: UTF8.self) else {
            throw WireError(.target, "The path is not UTF-8 once its escapes are decoded.")
        }
        return text
    }
}
