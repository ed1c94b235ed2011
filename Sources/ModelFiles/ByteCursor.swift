/// Reads little-endian values one after the other and refuses to pass the end of the file.
///
/// Each read takes the name of the field that it reads, for the error.
struct ByteCursor {
    let mapping: FileMapping
    let path: String
    private(set) var position = 0

    init(mapping: FileMapping, path: String) {
        self.mapping = mapping
        self.path = path
    }

    var remaining: Int { mapping.bytes.count - position }

    func error(_ field: String, _ reason: String) -> ModelFileError {
        ModelFileError(path: path, field: field, reason: reason)
    }

    /// Moves past `count` bytes and returns where they start.
    mutating func skip(_ count: Int, _ field: @autoclosure () -> String) throws(ModelFileError) -> Int {
        guard count >= 0 && count <= remaining else { throw beyondEnd("\(count) bytes", field()) }
        defer { position += count }
        return position
    }

    mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(
        _: T.Type, _ field: @autoclosure () -> String
    ) throws(ModelFileError) -> T {
        let start = try skip(MemoryLayout<T>.size, field())
        return T(littleEndian: mapping.bytes.loadUnaligned(fromByteOffset: start, as: T.self))
    }

    /// A 64-bit count of things that take at least `bytesMin` bytes each in the rest of the file.
    mutating func count(
        of things: String, bytesMin: Int, _ field: @autoclosure () -> String
    ) throws(ModelFileError) -> Int {
        let count = try integer(UInt64.self, field())
        guard count <= UInt64(remaining / bytesMin) else { throw beyondEnd("\(count) \(things)", field()) }
        return Int(count)
    }

    /// Moves past a string (64-bit length, bytes) and returns where its bytes lie.
    mutating func stringRange(_ field: @autoclosure () -> String) throws(ModelFileError) -> Range<Int> {
        let length = try count(of: "bytes of a string", bytesMin: 1, field())
        let start = try skip(length, field())
        return start..<start + length
    }

    /// A string of at most `bytesMax` bytes, which must be UTF-8.
    mutating func string(bytesMax: Int, _ field: @autoclosure () -> String) throws(ModelFileError) -> String {
        let range = try stringRange(field())
        guard range.count <= bytesMax else {
            throw error(field(), "\(range.count) bytes long; at most \(bytesMax) are read")
        }
        guard let text = String(validating: mapping.bytes[range], as: UTF8.self) else {
            throw error(field(), "the \(range.count) bytes at byte \(range.lowerBound) are not valid UTF-8")
        }
        return text
    }

    /// A key or a tensor name: a string that is not empty and can be printed.
    mutating func name(bytesMax: Int, _ field: @autoclosure () -> String) throws(ModelFileError) -> String {
        let start = position
        let name = try string(bytesMax: bytesMax, field())
        guard !name.isEmpty else { throw error(field(), "empty name at byte \(start)") }
        guard !name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw error(field(), "the name at byte \(start) has a control character")
        }
        return name
    }

    private func beyondEnd(_ wanted: String, _ field: String) -> ModelFileError {
        let size = mapping.bytes.count
        return error(field, "\(wanted) at byte \(position) pass the end of the file, which has \(size) bytes")
    }
}
