/// Byte strings end to end in one block of memory: a vocabulary of 262,144 strings is two allocations.
struct FlatStrings: Sendable {
    private(set) var bytes: [UInt8] = []
    /// String i is bytes[offsets[i] ..< offsets[i + 1]].
    private(set) var offsets: [Int] = [0]

    var count: Int { offsets.count - 1 }

    init() {}

    init(_ strings: [String]) {
        for string in strings { append(Array(string.utf8)) }
    }

    subscript(index: Int) -> ArraySlice<UInt8> {
        bytes[offsets[index]..<offsets[index + 1]]
    }

    mutating func reserve(strings: Int, bytes count: Int) {
        offsets.reserveCapacity(strings + 1)
        bytes.reserveCapacity(count)
    }

    mutating func append(_ string: some Collection<UInt8>) {
        bytes.append(contentsOf: string)
        offsets.append(bytes.count)
    }

    mutating func append(_ string: UnsafeBufferPointer<UInt8>) {
        bytes.append(contentsOf: string)
        offsets.append(bytes.count)
    }

    /// Another list of as many strings; `body` appends the one that takes the place of each.
    func mapped(_ body: (Int, UnsafeBufferPointer<UInt8>, inout [UInt8]) -> Void) -> FlatStrings {
        var result = FlatStrings()
        result.reserve(strings: count, bytes: bytes.count)
        var string: [UInt8] = []
        bytes.withUnsafeBufferPointer { bytes in
            for index in 0..<count {
                string.removeAll(keepingCapacity: true)
                body(
                    index, UnsafeBufferPointer(rebasing: bytes[offsets[index]..<offsets[index + 1]]), &string)
                result.append(string)
            }
        }
        return result
    }
}
