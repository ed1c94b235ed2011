/// The members of a JSON object, in their order, each name once.
///
/// Names are compared byte by byte (Swift's `String ==` would unify different spellings of one character).
/// Few members are searched one after the other; from `indexedFrom` on a hash index finds them.
public struct JSONObject: Sendable {
    public typealias Element = (key: String, value: JSONValue)

    private static let indexedFrom = 12
    private var members: [Element] = []
    private var index: [ExactKey: Int] = [:]

    public init() {}

    /// The value of the member; setting keeps its place, a new one goes to the end, nil removes it.
    public subscript(key: String) -> JSONValue? {
        get { position(of: key).map { members[$0].value } }
        set {
            switch (position(of: key), newValue) {
            case (let place?, let value?): members[place].value = value
            case (let place?, nil): remove(at: place)
            case (nil, let value?): _ = append(key, value)
            case (nil, nil): break
            }
        }
    }

    /// Adds a member at the end; false, and nothing added, when the name is there already.
    public mutating func append(_ key: String, _ value: JSONValue) -> Bool {
        guard position(of: key) == nil else { return false }
        members.append((key, value))
        if members.count == Self.indexedFrom {
            rebuildIndex()
        } else if members.count > Self.indexedFrom {
            index[ExactKey(text: key)] = members.count - 1
        }
        return true
    }

    public var keys: [String] { members.map(\.key) }

    private func position(of key: String) -> Int? {
        if members.count >= Self.indexedFrom { return index[ExactKey(text: key)] }
        return members.firstIndex { $0.key.hasSameBytes(as: key) }
    }

    private mutating func remove(at place: Int) {
        members.remove(at: place)
        rebuildIndex()
    }

    private mutating func rebuildIndex() {
        index.removeAll(keepingCapacity: true)
        guard members.count >= Self.indexedFrom else { return }
        for (place, member) in members.enumerated() { index[ExactKey(text: member.key)] = place }
    }
}

extension JSONObject: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { members.count }
    public subscript(position: Int) -> Element { members[position] }
}

extension JSONObject: Equatable {
    /// The same members with the same values, in any order (RFC 8259, section 1: an object is unordered).
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.count == right.count && left.allSatisfy { right[$0.key] == $0.value }
    }
}

/// A dictionary key that is equal when its bytes are.
private struct ExactKey: Hashable, Sendable {
    let text: String

    static func == (left: ExactKey, right: ExactKey) -> Bool { left.text.hasSameBytes(as: right.text) }

    // String's own hash agrees for equal bytes, and is seeded, so that nobody can choose collisions.
    func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

extension String {
    /// Equality of the UTF-8 bytes; `==` alone also unifies canonically equivalent spellings.
    func hasSameBytes(as other: String) -> Bool {
        self == other && utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }
}
