/// `field-name ":" OWS field-value OWS` (RFC 9112 §5).
enum FieldLine {
    /// - Parameter line: Without its CRLF, free of control bytes but HTAB; not empty.
    /// - Returns: Where name and value lie, as indices of the slice's array.
    static func parse(_ line: ArraySlice<UInt8>) throws(WireError) -> HTTPFields.Entry {
        guard let first = line.first, first != ASCII.space, first != ASCII.tab else {
            throw WireError(
                .field, "A field line must not begin with white space (folded lines are refused).")
        }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
            throw WireError(.field, "A field line has no colon.")
        }
        let name = line[..<colon]
        guard !name.isEmpty, name.allSatisfy({ ASCII.isToken($0) }) else {
            throw WireError(
                .field, "The name before the colon of a field line must be a token, without white space.")
        }
        let value = ASCII.trimmed(line[(colon + 1)...])
        return HTTPFields.Entry(name: name.indices, value: value.indices)
    }
}
