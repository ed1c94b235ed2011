/// `chunk-size [ chunk-ext ]` (RFC 9112 §7.1), without bad white space.
struct ChunkLine: Equatable {
    /// Bytes of data that follow.
    let size: Int
    /// Bytes of extensions, which are ignored.
    let extensionBytes: Int

    /// - Parameter line: Without its CRLF, free of control bytes but HTAB.
    init(_ line: [UInt8]) throws(WireError) {
        let digits = line.prefix { ASCII.hexValue($0) != nil }
        guard (1...16).contains(digits.count) else {
            throw WireError(.chunk, "A chunk begins with its size in at most 16 hexadecimal digits.")
        }
        var size: UInt64 = 0
        for digit in digits { size = size << 4 | UInt64(ASCII.hexValue(digit) ?? 0) }
        guard let size = Int(exactly: size) else {
            throw WireError(.chunk, "A chunk's size is out of range.")
        }
        self.size = size
        extensionBytes = line.count - digits.count
        var rest = line[digits.endIndex...]
        while !rest.isEmpty {
            guard Self.takeExtension(&rest) else {
                throw WireError(.chunk, "After a chunk's size only extensions like ;name=value may follow.")
            }
        }
    }

    /// `";" name [ "=" ( token / quoted-string ) ]`
    private static func takeExtension(_ rest: inout ArraySlice<UInt8>) -> Bool {
        guard rest.popFirst() == UInt8(ascii: ";"), takeToken(&rest) else { return false }
        guard rest.first == UInt8(ascii: "=") else { return true }
        rest.removeFirst()
        return rest.first == UInt8(ascii: "\"") ? takeQuotedString(&rest) : takeToken(&rest)
    }

    private static func takeToken(_ rest: inout ArraySlice<UInt8>) -> Bool {
        let token = rest.prefix(while: ASCII.isToken)
        rest = rest[token.endIndex...]
        return !token.isEmpty
    }

    private static func takeQuotedString(_ rest: inout ArraySlice<UInt8>) -> Bool {
        rest.removeFirst()
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\"") { return true }
            if byte == UInt8(ascii: "\\"), rest.popFirst() == nil { return false }
        }
        return false
    }
}
