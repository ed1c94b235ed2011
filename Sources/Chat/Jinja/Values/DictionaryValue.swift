/// A dictionary in the order of insertion: one object, however many names it has.
final class DictionaryValue {
    /// What makes a key the same key: 1, 1.0 and True are one, strings count by their bytes.
    enum Key: Hashable {
        case none
        case int(Int)
        case float(Double)
        case string([UInt8])
        case tuple([Key])

        /// nil when Python could not hash the value.
        init?(_ value: Value) {
            switch value {
            case .none: self = .none
            case .bool(let value): self = .int(value ? 1 : 0)
            case .int(let value): self = .int(value)
            case .float(let value): self = Int(exactly: value).map { .int($0) } ?? .float(value)
            case .string(let text): self = .string(text.bytes)
            case .tuple(let elements):
                let keys = elements.compactMap(Key.init)
                guard keys.count == elements.count else { return nil }
                self = .tuple(keys)
            default: return nil
            }
        }
    }

    /// Few members are searched one after the other; more than these through an index.
    private static let indexedFrom = 12
    private(set) var members: [(key: Value, value: Value)] = []
    private var index: [Key: Int] = [:]

    var count: Int { members.count }
    var keys: [Value] { members.map(\.key) }
    var values: [Value] { members.map(\.value) }

    subscript(_ name: MarkedString) -> Value? {
        if members.count >= Self.indexedFrom { return index[.string(name.bytes)].map { members[$0].value } }
        for member in members {
            if case .string(let key) = member.key, key == name { return member.value }
        }
        return nil
    }

    func value(_ key: Key) -> Value? { position(of: key).map { members[$0].value } }

    /// Sets a member, in its place or at the end. `key` must be hashable: its `Key` comes along.
    func set(_ key: Value, _ hashed: Key, _ value: Value) {
        if let place = position(of: hashed) {
            members[place].value = value
            return
        }
        members.append((key, value))
        if members.count == Self.indexedFrom {
            rebuildIndex()
        } else if members.count > Self.indexedFrom {
            index[hashed] = members.count - 1
        }
    }

    func set(_ name: MarkedString, _ value: Value) { set(.string(name), .string(name.bytes), value) }

    /// Takes a member out.
    func remove(_ key: Key) -> Value? {
        guard let place = position(of: key) else { return nil }
        let value = members.remove(at: place).value
        rebuildIndex()
        return value
    }

    func removeAll() {
        members.removeAll()
        index.removeAll()
    }

    func copy() -> DictionaryValue {
        let copy = DictionaryValue()
        copy.members = members
        copy.index = index
        return copy
    }

    private func position(of key: Key) -> Int? {
        if members.count >= Self.indexedFrom { return index[key] }
        return members.firstIndex { Key($0.key) == key }
    }

    private func rebuildIndex() {
        index.removeAll(keepingCapacity: true)
        guard members.count >= Self.indexedFrom else { return }
        for (place, member) in members.enumerated() {
            if let key = Key(member.key) { index[key] = place }
        }
    }
}
