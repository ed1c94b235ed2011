/// A long array of byte strings, such as a vocabulary: offsets into the mapped file, no copies.
///
/// The bytes are as the file has them; nothing promises that they are UTF-8.
public struct ByteStrings: Sendable {
    /// GGUF writes a string as a 64-bit length and its bytes.
    static let lengthBytes = 8

    private let mapping: FileMapping
    /// [count + 1]: where the bytes of each string start in the mapping; the end of one is the next start
    /// less the length between them. One more entry closes the last.
    private let starts: [Int]

    init(mapping: FileMapping, starts: [Int]) {
        self.mapping = mapping
        self.starts = starts
    }

    public var count: Int { starts.count - 1 }

    public var isEmpty: Bool { count == 0 }

    /// The bytes of one string, as a copy. For the allocation-free way see `withBytes(at:_:)`.
    public subscript(index: Int) -> [UInt8] {
        withBytes(at: index) { [UInt8]($0) }
    }

    /// The length of one string in bytes.
    public func byteCount(at index: Int) -> Int {
        precondition(index >= 0 && index < count, "string \(index) of \(count)")
        return starts[index + 1] - Self.lengthBytes - starts[index]
    }

    /// Calls `body` with the bytes of one string in the mapped file; they may not leave the call.
    public func withBytes<Result>(at index: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows
        -> Result
    {
        let length = byteCount(at: index)
        return try withExtendedLifetime(mapping) {
            try body(UnsafeRawBufferPointer(rebasing: mapping.bytes[starts[index]..<starts[index] + length]))
        }
    }
}
