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

    /// The elements of an array of any integer type; nil for other types and beyond Int64.
    public var integers: [Int64]? {
        switch elementType {
        case .uint8: decode(UInt8.self) { Int64($0) }
        case .int8: decode(Int8.self) { Int64($0) }
        case .uint16: decode(UInt16.self) { Int64($0) }
        case .int16: decode(Int16.self) { Int64($0) }
        case .uint32: decode(UInt32.self) { Int64($0) }
        case .int32: decode(Int32.self) { Int64($0) }
        case .uint64: decode(UInt64.self) { Int64(exactly: $0) }
        case .int64: decode(Int64.self) { $0 }
        case .float32, .float64, .bool, .string, .array: nil
        }
    }

    /// The elements of an array of any numeric type; nil for other types. Integers beyond 2^53 are rounded.
    public var numbers: [Double]? {
        switch elementType {
        case .float32: decode(UInt32.self) { Double(Float(bitPattern: $0)) }
        case .float64: decode(UInt64.self) { Double(bitPattern: $0) }
        case .uint64: decode(UInt64.self) { Double($0) }
        default: integers?.map(Double.init)
        }
    }

    /// All elements, which the file has as little-endian `Stored`; nil when one of them cannot be converted.
    private func decode<Stored: FixedWidthInteger & BitwiseCopyable, Element>(
        _: Stored.Type, _ convert: (Stored) -> Element?
    ) -> [Element]? {
        guard case .fixed(let mapping, let offset) = storage else { return nil }
        return withExtendedLifetime(mapping) {
            var elements: [Element] = []
            elements.reserveCapacity(count)
            for index in 0..<count {
                let place = offset + index * MemoryLayout<Stored>.size
                let stored = Stored(
                    littleEndian: mapping.bytes.loadUnaligned(fromByteOffset: place, as: Stored.self))
                guard let element = convert(stored) else { return nil }
                elements.append(element)
            }
            return elements
        }
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
