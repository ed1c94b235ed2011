/// Header fields in the order of their lines, duplicates included: a duplicate must be seen to be refused.
///
/// All names and values lie in one byte array; a `String` is made only when one is asked for. Names compare
/// without regard to ASCII case.
public struct HTTPFields: Sendable {
    struct Entry: Sendable {
        /// Ranges of `bytes`.
        var name: Range<Int>
        var value: Range<Int>
    }

    private(set) var bytes: [UInt8]
    private(set) var entries: [Entry]

    public init() {
        bytes = []
        entries = []
    }

    /// Takes over what the parser gathered; the ranges must lie inside `bytes`.
    init(bytes: [UInt8], entries: [Entry]) {
        self.bytes = bytes
        self.entries = entries
    }

    public var count: Int { entries.count }
    public var isEmpty: Bool { entries.isEmpty }

    /// The value of the first field of that name.
    public subscript(name: String) -> String? {
        entries.first { matches($0, name) }.map { text($0.value) }
    }

    public func contains(_ name: String) -> Bool {
        entries.contains { matches($0, name) }
    }

    /// The values of all fields of that name, in order.
    public func values(of name: String) -> [String] {
        entries.filter { matches($0, name) }.map { text($0.value) }
    }

    /// Adds a line after the others.
    public mutating func append(_ name: String, _ value: String) {
        let start = bytes.count
        bytes.append(contentsOf: name.utf8)
        let middle = bytes.count
        bytes.append(contentsOf: value.utf8)
        entries.append(Entry(name: start..<middle, value: middle..<bytes.count))
    }

    /// Makes this the only line of its name.
    public mutating func set(_ name: String, _ value: String) {
        entries = entries.filter { !matches($0, name) }
        append(name, value)
    }

    /// Names what the answer depended on, in one line with what is named already.
    mutating func addToVary(_ name: String) {
        set("Vary", (values(of: "Vary") + [name]).joined(separator: ", "))
    }

    /// Takes over other lines; one of a name that is there replaces it, `Vary` is joined.
    mutating func merge(_ others: HTTPFields) {
        for (name, value) in others {
            if ASCII.equalsIgnoringCase(Array(name.utf8)[...], "vary") {
                addToVary(value)
            } else {
                set(name, value)
            }
        }
    }

    /// The bytes of the first value of that name.
    func bytes(of name: String) -> ArraySlice<UInt8>? {
        entries.first { matches($0, name) }.map { bytes[$0.value] }
    }

    /// The bytes of all values of that name, in order.
    func bytesOfAll(_ name: String) -> [ArraySlice<UInt8>] {
        entries.filter { matches($0, name) }.map { bytes[$0.value] }
    }

    func matches(_ entry: Entry, _ name: String) -> Bool {
        let utf8 = name.utf8
        guard entry.name.count == utf8.count else { return false }
        var index = entry.name.lowerBound
        for byte in utf8 {
            guard ASCII.lowercased(bytes[index]) == ASCII.lowercased(byte) else { return false }
            index += 1
        }
        return true
    }

    private func text(_ range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }
}

extension HTTPFields: Sequence {
    public struct Iterator: IteratorProtocol {
        fileprivate let fields: HTTPFields
        fileprivate var position = 0

        public mutating func next() -> (name: String, value: String)? {
            guard position < fields.entries.count else { return nil }
            let entry = fields.entries[position]
            position += 1
            return (fields.text(entry.name), fields.text(entry.value))
        }
    }

    public func makeIterator() -> Iterator { Iterator(fields: self) }
}

extension HTTPFields: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, String)...) {
        self.init()
        for (name, value) in elements { append(name, value) }
    }
}

extension HTTPFields: Equatable {
    /// The same lines in the same order, byte for byte.
    public static func == (one: HTTPFields, other: HTTPFields) -> Bool {
        one.count == other.count
            && zip(one.entries, other.entries).allSatisfy { ours, theirs in
                one.bytes[ours.name] == other.bytes[theirs.name]
                    && one.bytes[ours.value] == other.bytes[theirs.value]
            }
    }
}
