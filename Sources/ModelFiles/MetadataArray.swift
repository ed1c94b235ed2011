/// An array in the metadata. Its elements stay in the mapped file and are read when they are asked for.
public struct MetadataArray: Sendable {
    enum Storage: Sendable {
        /// Numbers and bools: their position in the mapping.
        case fixed(FileMapping, offset: Int)
        case strings(ByteStrings)
        case arrays([MetadataArray])
    }

    public let elementType: MetadataType
    public let count: Int
    let storage: Storage

    /// One element. A string that is not UTF-8 is repaired; `strings` has its bytes.
    public subscript(index: Int) -> MetadataValue {
        precondition(index >= 0 && index < count, "element \(index) of \(count)")
        switch storage {
        case .strings(let strings): return .string(String(decoding: strings[index], as: UTF8.self))
        case .arrays(let arrays): return .array(arrays[index])
        case .fixed(let mapping, let offset):
            // The parser has checked that all elements lie inside the file.
            let size = elementType.fixedBytes ?? 0
            let place = offset + index * size
            return withExtendedLifetime(mapping) {
                elementType.value(of: UnsafeRawBufferPointer(rebasing: mapping.bytes[place..<place + size]))
            }
        }
    }

    /// The elements of an array of strings, as bytes; nil for other types.
    public var strings: ByteStrings? {
        if case .strings(let strings) = storage { strings } else { nil }
    }
}

extension MetadataType {
    /// Decodes a value of one of the fixed-size types from its `fixedBytes` bytes, little-endian.
    func value(of bytes: UnsafeRawBufferPointer) -> MetadataValue {
        func load<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type) -> T {
            T(littleEndian: bytes.loadUnaligned(as: T.self))
        }
        switch self {
        case .uint8: return .uint8(load(UInt8.self))
        case .int8: return .int8(load(Int8.self))
        case .uint16: return .uint16(load(UInt16.self))
        case .int16: return .int16(load(Int16.self))
        case .uint32: return .uint32(load(UInt32.self))
        case .int32: return .int32(load(Int32.self))
        case .uint64: return .uint64(load(UInt64.self))
        case .int64: return .int64(load(Int64.self))
        case .float32: return .float32(Float(bitPattern: load(UInt32.self)))
        case .float64: return .float64(Double(bitPattern: load(UInt64.self)))
        case .bool: return .bool(load(UInt8.self) != 0)
        case .string, .array: preconditionFailure("\(name) has no fixed size")
        }
    }
}
