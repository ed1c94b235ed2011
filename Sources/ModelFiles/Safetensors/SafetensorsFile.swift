import Compute
import JSON

/// A file in the safetensors format: tensors by name, memory-mapped.
///
/// Eight bytes with the header's length, the header, a JSON object, then the data without gaps
/// (https://github.com/huggingface/safetensors, "Format"). All that the header states is checked at opening: what
/// `bytes(of:)` gives needs no further check.
public final class SafetensorsFile: Sendable {
    public let path: String
    /// The tensors of floats; shapes are in GGUF's order, row length first.
    public let tensors: [TensorInfo]
    /// Names of the tensors of other types, such as tables of positions.
    public let others: [String]
    private let mapping: FileMapping
    private let places: [String: Int]

    public init(path: String) throws(ModelFileError) {
        self.path = path
        mapping = try FileMapping(path: path)
        let header = try SafetensorsHeader(mapping.bytes, path: path)
        tensors = header.tensors
        others = header.others
        var places: [String: Int] = [:]
        for (place, tensor) in header.tensors.enumerated() { places[tensor.name] = place }
        self.places = places
    }

    public func tensor(_ name: String) -> TensorInfo? { places[name].map { tensors[$0] } }

    /// The data of a tensor of this file, in the mapping: valid as long as this object lives. Not aligned.
    public func bytes(of tensor: TensorInfo) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            rebasing: mapping.bytes[tensor.fileOffset..<tensor.fileOffset + tensor.byteCount])
    }
}

/// The header, read and checked.
private struct SafetensorsHeader {
    var tensors: [TensorInfo] = []
    var others: [String] = []

    private let path: String
    /// Where each tensor's data lie, to find gaps and overlaps.
    private var ranges: [Range<Int>] = []

    init(_ bytes: UnsafeRawBufferPointer, path: String) throws(ModelFileError) {
        self.path = path
        guard bytes.count >= 8 else { throw error("header", "the file has \(bytes.count) bytes; at least 8") }
        let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard length <= UInt64(min(SafetensorsLimits.headerBytesMax, bytes.count - 8)) else {
            throw error(
                "header", "\(length) bytes long, in a file of \(bytes.count); at most 100,000,000 are read")
        }
        let start = 8 + Int(length)
        try readTensors(
            UnsafeRawBufferPointer(rebasing: bytes[8..<start]), dataStart: start,
            dataBytes: bytes.count - start)
        try checkCoverage(dataBytes: bytes.count - start)
    }

    private mutating func readTensors(_ json: UnsafeRawBufferPointer, dataStart: Int, dataBytes: Int)
        throws(ModelFileError)
    {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue.parse(
                json, limits: JSONLimits(depthMax: 8, valuesMax: SafetensorsLimits.valuesMax))
        } catch {
            throw self.error("header", "not valid JSON: \(error)")
        }
        guard let object = value.object else {
            throw error("header", "a JSON \(value.typeName), not an object")
        }
        guard object.count <= SafetensorsLimits.tensorCountMax else {
            throw error("header", "\(object.count) tensors; at most \(SafetensorsLimits.tensorCountMax)")
        }
        for (name, entry) in object where name != "__metadata__" {
            guard name.utf8.count <= SafetensorsLimits.nameBytesMax else {
                throw error(
                    "header",
                    "a tensor's name has \(name.utf8.count) bytes; at most \(SafetensorsLimits.nameBytesMax)")
            }
            try readTensor(name, entry, dataStart: dataStart, dataBytes: dataBytes)
        }
    }

    private mutating func readTensor(_ name: String, _ entry: JSONValue, dataStart: Int, dataBytes: Int)
        throws(ModelFileError)
    {
        let field = "tensor \(name)"
        guard let typeName = entry["dtype"]?.string, let elementBytes = Self.elementBytes[typeName] else {
            throw error(field, "dtype is \(entry["dtype"]?.string ?? "missing"), which is not known")
        }
        guard let shape = entry["shape"]?.array?.map({ $0.int.flatMap(Int.init(exactly:)) ?? -1 }),
            shape.count <= SafetensorsLimits.dimensionCountMax, shape.allSatisfy({ $0 >= 0 })
        else {
            throw error(
                field,
                "its shape must be at most \(SafetensorsLimits.dimensionCountMax) numbers that are not negative"
            )
        }
        guard let offsets = entry["data_offsets"]?.array?.map({ $0.int.flatMap(Int.init(exactly:)) ?? -1 }),
            offsets.count == 2, 0 <= offsets[0], offsets[0] <= offsets[1], offsets[1] <= dataBytes
        else {
            throw error(
                field, "its data_offsets must be two rising numbers within the \(dataBytes) bytes of data")
        }
        var bytes = elementBytes
        for dimension in shape {
            let (product, overflow) = bytes.multipliedReportingOverflow(by: dimension)
            guard !overflow else { throw error(field, "shape \(shape) is larger than any file") }
            bytes = product
        }
        guard bytes == offsets[1] - offsets[0] else {
            throw error(field, "shape \(shape) takes \(bytes) bytes, but has \(offsets[1] - offsets[0])")
        }
        ranges.append(offsets[0]..<offsets[1])
        guard let type = Self.types[typeName], bytes > 0 else {
            others.append(name)
            return
        }
        tensors.append(
            TensorInfo(
                name: name, type: type, shape: shape.isEmpty ? [1] : shape.reversed(), byteCount: bytes,
                fileOffset: dataStart + offsets[0], part: 0))
    }

    /// The format document: data have no holes, and nothing twice.
    private func checkCoverage(dataBytes: Int) throws(ModelFileError) {
        var end = 0
        for range in ranges.sorted(by: { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }) {
            guard range.lowerBound == end else {
                throw error(
                    "header", "the data have a gap or an overlap at byte \(min(end, range.lowerBound))")
            }
            end = range.upperBound
        }
        guard end == dataBytes else {
            throw error("header", "the tensors cover \(end) of the \(dataBytes) bytes of data")
        }
    }

    private func error(_ field: String, _ reason: String) -> ModelFileError {
        ModelFileError(path: path, field: field, reason: reason)
    }

    private static let elementBytes = [
        "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
        "I32": 4, "U32": 4, "F32": 4, "F64": 8, "I64": 8, "U64": 8,
    ]
    private static let types: [String: TensorType] = ["F32": .f32, "F16": .f16, "BF16": .bf16]
}
