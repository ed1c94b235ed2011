/// Why a document is not the JSON of RFC 8259, and where.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong and what would be right, without the position.
    public let message: String
    /// The offending byte, counted from 0.
    public let offset: Int
    /// The line of that byte, counted from 1; a line ends with LF.
    public let line: Int
    /// The byte's place in its line, counted from 1.
    public let column: Int

    public var description: String { "line \(line), column \(column) (byte \(offset)): \(message)" }

    /// An error at `offset` of `document`: the line and column are counted here, only when they are needed.
    init(_ message: String, at offset: Int, of document: UnsafeRawBufferPointer) {
        self.message = message
        self.offset = offset
        var line = 1
        var lineStart = 0
        for index in 0..<min(offset, document.count) where document[index] == UInt8(ascii: "\n") {
            line += 1
            lineStart = index + 1
        }
        self.line = line
        self.column = offset - lineStart + 1
    }
}
