/// The types of metadata values, numbered as in GGUF (`gguf_metadata_value_type`).
public enum MetadataType: UInt32, Sendable, CaseIterable {
    case uint8 = 0
    case int8 = 1
    case uint16 = 2
    case int16 = 3
    case uint32 = 4
    case int32 = 5
    case float32 = 6
    case bool = 7
    case string = 8
    case array = 9
    case uint64 = 10
    case int64 = 11
    case float64 = 12

    /// Bytes of one value in the file, for the types that have a fixed size.
    var fixedBytes: Int? {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64: 8
        case .string, .array: nil
        }
    }

    /// The least that one value takes in the file: what a count of them can be checked against.
    /// A string has its 64-bit length; an array its 32-bit type and 64-bit count.
    var bytesMin: Int {
        switch self {
        case .string: 8
        case .array: 12
        default: fixedBytes ?? 1
        }
    }

    /// The name of the GGUF document, in lower case: `uint32`.
    public var name: String { String(describing: self) }
}
