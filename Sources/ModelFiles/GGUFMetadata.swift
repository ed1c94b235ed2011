/// The metadata of a model file: keys and values in file order, and typed access whose errors name the key.
///
/// Each accessor comes in two: the plain one throws when the key is absent, the optional one returns nil.
/// Both throw when the value has the wrong type.
public struct GGUFMetadata: Sendable {
    public struct Entry: Sendable {
        public let key: String
        public let value: MetadataValue
    }

    /// The file that it comes from, for errors.
    public let path: String
    /// In file order.
    public private(set) var entries: [Entry] = []
    private var places: [String: Int] = [:]

    init(path: String) {
        self.path = path
    }

    /// Returns whether the key is new.
    mutating func append(_ key: String, _ value: MetadataValue) -> Bool {
        guard places.updateValue(entries.count, forKey: key) == nil else { return false }
        entries.append(Entry(key: key, value: value))
        return true
    }

    public func value(_ key: String) -> MetadataValue? {
        places[key].map { entries[$0].value }
    }

    /// An error about the value of a key, for readers that check more than its type.
    public func error(_ key: String, _ reason: String) -> ModelFileError {
        ModelFileError(path: path, field: "metadata \(key)", reason: reason)
    }
}

// MARK: - Single values

extension GGUFMetadata {
    public func string(_ key: String) throws(ModelFileError) -> String {
        try required(key, try optionalString(key))
    }

    public func optionalString(_ key: String) throws(ModelFileError) -> String? {
        guard let value = value(key) else { return nil }
        guard case .string(let string) = value else { throw mismatch(key, value, "a string") }
        return string
    }

    public func bool(_ key: String) throws(ModelFileError) -> Bool {
        try required(key, try optionalBool(key))
    }

    public func optionalBool(_ key: String) throws(ModelFileError) -> Bool? {
        guard let value = value(key) else { return nil }
        guard case .bool(let bool) = value else { throw mismatch(key, value, "a bool") }
        return bool
    }

    /// A value of any integer type that an Int can hold.
    public func integer(_ key: String) throws(ModelFileError) -> Int {
        try required(key, try optionalInteger(key))
    }

    public func optionalInteger(_ key: String) throws(ModelFileError) -> Int? {
        guard let value = value(key) else { return nil }
        guard let integer = value.integer else { throw mismatch(key, value, "an integer of at most 63 bits") }
        return Int(integer)
    }

    /// A value of any integer or floating-point type; it may be infinite or not a number.
    public func number(_ key: String) throws(ModelFileError) -> Double {
        try required(key, try optionalNumber(key))
    }

    public func optionalNumber(_ key: String) throws(ModelFileError) -> Double? {
        guard let value = value(key) else { return nil }
        guard let number = value.number else { throw mismatch(key, value, "a number") }
        return number
    }
}

// MARK: - Arrays

extension GGUFMetadata {
    public func strings(_ key: String) throws(ModelFileError) -> ByteStrings {
        try required(key, try optionalStrings(key))
    }

    public func optionalStrings(_ key: String) throws(ModelFileError) -> ByteStrings? {
        guard let value = value(key) else { return nil }
        guard case .array(let array) = value, let strings = array.strings else {
            throw mismatch(key, value, "an array of strings")
        }
        return strings
    }

    public func integers(_ key: String) throws(ModelFileError) -> [Int64] {
        try required(key, try optionalIntegers(key))
    }

    public func optionalIntegers(_ key: String) throws(ModelFileError) -> [Int64]? {
        guard let value = value(key) else { return nil }
        guard case .array(let array) = value, let integers = array.integers else {
            throw mismatch(key, value, "an array of integers of at most 63 bits")
        }
        return integers
    }

    public func numbers(_ key: String) throws(ModelFileError) -> [Double] {
        try required(key, try optionalNumbers(key))
    }

    public func optionalNumbers(_ key: String) throws(ModelFileError) -> [Double]? {
        guard let value = value(key) else { return nil }
        guard case .array(let array) = value, let numbers = array.numbers else {
            throw mismatch(key, value, "an array of numbers")
        }
        return numbers
    }
}

// MARK: - Errors

extension GGUFMetadata {
    private func required<Value>(_ key: String, _ value: Value?) throws(ModelFileError) -> Value {
        guard let value else { throw error(key, "the file does not have it") }
        return value
    }

    private func mismatch(_ key: String, _ value: MetadataValue, _ wanted: String) -> ModelFileError {
        let found =
            switch value {
            case .array(let array): "an array of \(array.count) \(array.elementType.name)"
            case .uint64(let number): "the uint64 \(number)"
            default: "a \(value.type.name)"
            }
        return error(key, "\(found); it must be \(wanted)")
    }
}
