/// A pull reader for one JSON document: strict RFC 8259, in one pass, allocating nothing but the strings.
///
/// The reader borrows `bytes`: use it only while they are valid. `next()` yields the tokens in order, then
/// nil; the first error ends the reading. A repeated name is not noticed here: `JSONValue.parse` refuses it.
public struct JSONReader {
    /// What may come next; moved by `next()` only.
    private enum Expectation {
        /// A value; in an array right after `[` also its end.
        case value(orEndArray: Bool)
        /// A member's name; right after `{` also the object's end.
        case key(orEndObject: Bool)
        /// A comma or the end of the innermost container; outside of all, the end of the document.
        case separator
    }

    let bytes: UnsafeRawBufferPointer
    let limits: JSONLimits
    /// The next unread byte.
    public internal(set) var offset = 0
    /// Where the last token began.
    public private(set) var tokenOffset = 0
    private var expectation = Expectation.value(orEndArray: false)
    /// The open containers, innermost last; true is an object.
    private var containers: [Bool] = []
    private var values = 0

    public init(_ bytes: UnsafeRawBufferPointer, limits: JSONLimits = JSONLimits()) {
        self.bytes = bytes
        self.limits = limits
    }

    /// The next token, or nil after the whole document.
    public mutating func next() throws(JSONError) -> JSONToken? {
        skipWhitespace()
        tokenOffset = offset
        switch expectation {
        case .value(let orEndArray):
            if orEndArray, peek() == UInt8(ascii: "]") { return closeContainer(.endArray) }
            return try readValue()
        case .key(let orEndObject):
            if orEndObject, peek() == UInt8(ascii: "}") { return closeContainer(.endObject) }
            return try readKey()
        case .separator:
            return try readSeparator()
        }
    }

    /// An error at `offset`, by default where the reader stands.
    public func error(_ message: String, at offset: Int? = nil) -> JSONError {
        JSONError(message, at: offset ?? self.offset, of: bytes)
    }

    // MARK: - Structure

    private mutating func readSeparator() throws(JSONError) -> JSONToken? {
        guard let inObject = containers.last else {
            guard peek() == nil else { throw unexpected("the end of the document") }
            return nil
        }
        let byte = peek()
        if byte == UInt8(ascii: ",") {
            offset += 1
            skipWhitespace()
            tokenOffset = offset
            return inObject ? try readKey() : try readValue()
        }
        if inObject {
            guard byte == UInt8(ascii: "}") else { throw unexpected("\",\" or \"}\" after a member") }
            return closeContainer(.endObject)
        }
        guard byte == UInt8(ascii: "]") else { throw unexpected("\",\" or \"]\" after an element") }
        return closeContainer(.endArray)
    }

    private mutating func readKey() throws(JSONError) -> JSONToken {
        guard peek() == UInt8(ascii: "\"") else { throw unexpected("a member name in double quotes") }
        let key = try readString()
        skipWhitespace()
        guard peek() == UInt8(ascii: ":") else { throw unexpected("\":\" after a member name") }
        offset += 1
        expectation = .value(orEndArray: false)
        return .key(key)
    }

    private mutating func readValue() throws(JSONError) -> JSONToken {
        guard let byte = peek() else { throw unexpected("a value") }
        values += 1
        guard values <= limits.valuesMax else {
            throw error("the document holds more than \(limits.valuesMax) values")
        }
        expectation = .separator
        switch byte {
        case UInt8(ascii: "{"):
            try openContainer(isObject: true)
            return .beginObject
        case UInt8(ascii: "["):
            try openContainer(isObject: false)
            return .beginArray
        case UInt8(ascii: "\""): return .string(try readString())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try readNumber()
        case UInt8(ascii: "t"): return try readWord("true", .bool(true))
        case UInt8(ascii: "f"): return try readWord("false", .bool(false))
        case UInt8(ascii: "n"): return try readWord("null", .null)
        default: throw unexpected("a value")
        }
    }

    private mutating func openContainer(isObject: Bool) throws(JSONError) {
        guard containers.count < limits.depthMax else {
            throw error("arrays and objects nest deeper than \(limits.depthMax)")
        }
        containers.append(isObject)
        offset += 1
        expectation = isObject ? .key(orEndObject: true) : .value(orEndArray: true)
    }

    private mutating func closeContainer(_ token: JSONToken) -> JSONToken {
        containers.removeLast()
        offset += 1
        expectation = .separator
        return token
    }

    private mutating func readWord(_ word: StaticString, _ token: JSONToken) throws(JSONError) -> JSONToken {
        for index in 0..<word.utf8CodeUnitCount {
            guard peek() == word.utf8Start[index] else { throw unexpected("the word \(word)") }
            offset += 1
        }
        return token
    }

    // MARK: - Bytes

    func peek() -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func skipWhitespace() {
        while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
    }

    /// "expected …, found …" at the reader's place.
    func unexpected(_ expected: String) -> JSONError {
        guard let byte = peek() else {
            return error("expected \(expected), found the end of the document")
        }
        if offset == 0, byte == 0xEF || byte >= 0xFE {
            return error("expected \(expected), found a byte order mark; send UTF-8 without one")
        }
        let isPrintable = byte > 0x20 && byte < 0x7F
        let found =
            isPrintable ? "\"\(Character(Unicode.Scalar(byte)))\"" : "byte 0x\(String(byte, radix: 16))"
        return error("expected \(expected), found \(found)")
    }
}
