import Compute
import ModelFiles

/// Writes GGUF files, versions 2 and 3: right ones, and for tests of the reader wrong ones, as nothing is
/// checked.
public struct GGUFWriter {
    /// A metadata value. An array has the type that its writer says, and any elements.
    public indirect enum Value: Sendable {
        case uint8(UInt8)
        case int8(Int8)
        case uint16(UInt16)
        case int16(Int16)
        case uint32(UInt32)
        case int32(Int32)
        case uint64(UInt64)
        case int64(Int64)
        case float32(Float)
        case float64(Double)
        case bool(Bool)
        case string(String)
        case bytes([UInt8])
        case array(MetadataType, [Value])
    }

    /// A tensor as the file states it. `offset`: nil puts the data after those of the tensor before.
    public struct Tensor: Sendable {
        public var name: String
        public var typeNumber: UInt32
        public var shape: [UInt64]
        public var data: [UInt8]
        public var offset: UInt64?
    }

    public var version: UInt32 = 3
    /// Of the data. A value other than 32 is for `general.alignment` as well, which its writer sets.
    public var alignment = 32
    public var metadata: [(key: String, value: Value)] = []
    public var tensors: [Tensor] = []

    public init() {}

    public mutating func set(_ key: String, _ value: Value) {
        metadata.append((key, value))
    }

    public mutating func set(_ key: String, strings: [String]) {
        set(key, .array(.string, strings.map { .string($0) }))
    }

    /// - Parameter shape: in GGUF's order, row length first.
    public mutating func add(_ name: String, _ type: TensorType, _ shape: [Int], data: [UInt8]) {
        tensors.append(
            Tensor(name: name, typeNumber: type.rawValue, shape: shape.map(UInt64.init), data: data))
    }

    public func write(to path: String) throws {
        try writeFile(bytes(), to: path)
    }

    /// The whole file.
    public func bytes() -> [UInt8] {
        var out = head()
        guard !tensors.isEmpty else { return out }
        pad(&out)
        for tensor in tensors {
            out += tensor.data
            pad(&out)
        }
        return out
    }

    /// The file up to the data of the tensors, without the padding between.
    public func head() -> [UInt8] {
        var out = Array("GGUF".utf8)
        append(version, to: &out)
        append(UInt64(tensors.count), to: &out)
        append(UInt64(metadata.count), to: &out)
        for (key, value) in metadata {
            append(Array(key.utf8), to: &out)
            append(type(of: value).rawValue, to: &out)
            append(value, to: &out)
        }
        var next: UInt64 = 0
        for tensor in tensors {
            append(Array(tensor.name.utf8), to: &out)
            append(UInt32(tensor.shape.count), to: &out)
            for dimension in tensor.shape { append(dimension, to: &out) }
            append(tensor.typeNumber, to: &out)
            append(tensor.offset ?? next, to: &out)
            next += UInt64((tensor.data.count + alignment - 1) / alignment * alignment)
        }
        return out
    }

    private func pad(_ out: inout [UInt8]) {
        while out.count % alignment != 0 { out.append(0) }
    }
}

// MARK: - Encoding

extension GGUFWriter {
    private func append(_ number: some FixedWidthInteger, to out: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { out += $0 }
    }

    private func append(_ string: [UInt8], to out: inout [UInt8]) {
        append(UInt64(string.count), to: &out)
        out += string
    }

    private func append(_ value: Value, to out: inout [UInt8]) {
        switch value {
        case .uint8(let number): append(number, to: &out)
        case .int8(let number): append(number, to: &out)
        case .uint16(let number): append(number, to: &out)
        case .int16(let number): append(number, to: &out)
        case .uint32(let number): append(number, to: &out)
        case .int32(let number): append(number, to: &out)
        case .uint64(let number): append(number, to: &out)
        case .int64(let number): append(number, to: &out)
        case .float32(let number): append(number.bitPattern, to: &out)
        case .float64(let number): append(number.bitPattern, to: &out)
        case .bool(let bool): out.append(bool ? 1 : 0)
        case .string(let string): append(Array(string.utf8), to: &out)
        case .bytes(let bytes): append(bytes, to: &out)
        case .array(let type, let elements):
            append(type.rawValue, to: &out)
            append(UInt64(elements.count), to: &out)
            for element in elements { append(element, to: &out) }
        }
    }

    private func type(of value: Value) -> MetadataType {
        switch value {
        case .uint8: .uint8
        case .int8: .int8
        case .uint16: .uint16
        case .int16: .int16
        case .uint32: .uint32
        case .int32: .int32
        case .uint64: .uint64
        case .int64: .int64
        case .float32: .float32
        case .float64: .float64
        case .bool: .bool
        case .string, .bytes: .string
        case .array: .array
        }
    }
}
