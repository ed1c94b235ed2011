/// Writes JSON by appending to one byte buffer; commas are its business, balance is the caller's.
///
///     var writer = JSONWriter()
///     writer.beginObject()
///     writer.key("id")
///     writer.string("chatcmpl-1")
///     writer.endObject()          // writer.bytes is {"id":"chatcmpl-1"}
///
/// The output has no whitespace. Text is escaped as far as RFC 8259 section 7 requires: well-formed UTF-8
/// passes through. Bytes that are not become U+FFFD, so the output is valid JSON whatever comes in.
public struct JSONWriter: Sendable {
    public private(set) var bytes: [UInt8] = []
    /// Whether a value stands right before, so that the next one needs a comma.
    private var needsComma = false

    public init(reservingCapacity capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    /// Forgets the output and keeps the memory.
    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    // MARK: - Containers

    public mutating func beginObject() { open(UInt8(ascii: "{")) }
    public mutating func endObject() { close(UInt8(ascii: "}")) }
    public mutating func beginArray() { open(UInt8(ascii: "[")) }
    public mutating func endArray() { close(UInt8(ascii: "]")) }

    /// A member's name; its value must follow.
    ///
    /// - Parameter name: Free of what JSON escapes.
    public mutating func key(_ name: StaticString) {
        if needsComma { appendText(#",""#) } else { bytes.append(UInt8(ascii: "\"")) }
        appendText(name)
        appendText(#"":"#)
        needsComma = false
    }

    /// A member's name that the program does not know before; its value must follow.
    public mutating func key(named name: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// A line feed after the outermost value, for formats of one document a line.
    public mutating func endLine() {
        bytes.append(UInt8(ascii: "\n"))
        needsComma = false
    }

    // MARK: - Values

    public mutating func null() { word("null") }
    public mutating func bool(_ value: Bool) { word(value ? "true" : "false") }

    public mutating func int(_ value: some FixedWidthInteger) {
        beginValue()
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        appendDigits(UInt64(truncatingIfNeeded: value.magnitude))
    }

    /// The shortest decimal that reads back as the same value. JSON has no infinity and no NaN: they become
    /// null, and a caller that wants another stand-in writes that instead.
    public mutating func number(_ value: Double) {
        guard value.isFinite else { return null() }
        beginValue()
        appendText(value.description)
    }

    /// As above, with the fewer digits that identify a 32-bit float.
    public mutating func number(_ value: Float) {
        guard value.isFinite else { return null() }
        beginValue()
        appendText(value.description)
    }

    public mutating func string(_ text: String) {
        var text = text
        text.withUTF8 { string(utf8: UnsafeRawBufferPointer($0)) }
    }

    /// A string from UTF-8 bytes.
    public mutating func string(utf8 text: [UInt8]) {
        text.withUnsafeBytes { string(utf8: $0) }
    }

    /// A string from UTF-8 bytes.
    public mutating func string(utf8 text: UnsafeRawBufferPointer) {
        beginValue()
        bytes.append(UInt8(ascii: "\""))
        appendEscaped(text)
        bytes.append(UInt8(ascii: "\""))
    }

    public mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let value): bool(value)
        case .int(let value): int(value)
        case .number(let value): number(value)
        case .string(let text): string(text)
        case .array(let elements):
            beginArray()
            for element in elements { self.value(element) }
            endArray()
        case .object(let object):
            beginObject()
            for (key, value) in object {
                self.key(named: key)
                self.value(value)
            }
            endObject()
        }
    }

    /// One value that is JSON already: a comma is put before it where one is due, nothing is checked.
    public mutating func append(raw json: [UInt8]) {
        beginValue()
        bytes.append(contentsOf: json)
    }

    // MARK: - Bytes

    private mutating func beginValue() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func open(_ bracket: UInt8) {
        beginValue()
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func word(_ word: StaticString) {
        beginValue()
        appendText(word)
    }

    private mutating func appendText(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func appendText(_ text: String) {
        var text = text
        text.withUTF8 { bytes.append(contentsOf: $0) }
    }

    private mutating func appendDigits(_ value: UInt64) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var rest = value
            var start = 20
            repeat {
                start -= 1
                digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: digits[start...]))
        }
    }

    /// Copies the longest runs that need no change, and what stands between them changed.
    private mutating func appendEscaped(_ text: UnsafeRawBufferPointer) {
        var runStart = 0
        var offset = 0
        while offset < text.count {
            let byte = text[offset]
            if byte >= 0x80 {
                if let length = UTF8Check.sequenceLength(text, at: offset) {
                    offset += length
                    continue
                }
            } else if byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") {
                offset += 1
                continue
            }
            bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[runStart..<offset]))
            appendEscape(byte)
            offset += 1
            runStart = offset
        }
        bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[runStart...]))
    }

    private mutating func appendEscape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): appendText(#"\""#)
        case UInt8(ascii: "\\"): appendText(#"\\"#)
        case 0x08: appendText(#"\b"#)
        case 0x09: appendText(#"\t"#)
        case 0x0A: appendText(#"\n"#)
        case 0x0C: appendText(#"\f"#)
        case 0x0D: appendText(#"\r"#)
        case 0x00...0x1F:
            appendText(#"\u00"#)
            appendText(byte < 0x10 ? "0" : "1")
            appendText(String(byte & 0x0F, radix: 16))
        default: appendText("\u{FFFD}")
        }
    }
}
