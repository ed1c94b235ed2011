import Compute
import Glibc

/// A model in the GGUF format, versions 2 and 3: its metadata, its tensors, and their data, memory-mapped.
///
/// All that the file states about itself is checked when it is opened: a `GGUFFile` that exists can be read
/// without further checks of bounds. A split model is opened through the path of any of its files.
public final class GGUFFile: Sendable {
    /// The path that it was opened with.
    public let path: String
    /// The version of the format: 2 or 3.
    public let version: Int
    /// Of the first file, in a split model: the others repeat or omit it.
    public let metadata: GGUFMetadata
    /// In file order, those of all parts.
    public let tensors: [TensorInfo]
    /// The size of all parts on disk.
    public let fileBytes: Int
    private let mappings: [FileMapping]
    private let places: [String: Int]

    public init(path: String) throws(ModelFileError) {
        let parts = try Self.openParts(path)
        self.path = path
        version = Int(parts[0].version)
        metadata = parts[0].metadata
        mappings = parts.map(\.mapping)
        fileBytes = mappings.reduce(0) { $0 + $1.bytes.count }
        tensors = parts.flatMap(\.tensors)
        places = try Self.places(tensors, path)
    }

    public func tensor(_ name: String) -> TensorInfo? {
        places[name].map { tensors[$0] }
    }

    /// A tensor that the model cannot do without, of the shape that follows from the metadata.
    ///
    /// - Parameter shape: in GGUF's order, row length first. Trailing ones do not matter.
    /// - Throws: when it is missing or has another shape; the error names both shapes.
    public func tensor(_ name: String, shape: [Int]) throws(ModelFileError) -> TensorInfo {
        guard let tensor = try optionalTensor(name, shape: shape) else {
            throw ModelFileError(
                path: path, field: "tensor \(name)", reason: "missing; expected shape \(shape)")
        }
        return tensor
    }

    /// A tensor that a model may have or not; when it is there, of this shape.
    public func optionalTensor(_ name: String, shape: [Int]) throws(ModelFileError) -> TensorInfo? {
        guard let tensor = tensor(name) else { return nil }
        guard Self.withoutTrailingOnes(tensor.shape) == Self.withoutTrailingOnes(shape) else {
            throw ModelFileError(
                path: path, field: "tensor \(name)",
                reason: "shape \(tensor.shape), where the metadata call for \(shape)")
        }
        return tensor
    }

    /// The data of a tensor of this file, in the mapping: valid as long as this object lives.
    public func bytes(of tensor: TensorInfo) -> UnsafeRawBufferPointer {
        let bytes = mappings[tensor.part].bytes
        return UnsafeRawBufferPointer(
            rebasing: bytes[tensor.fileOffset..<tensor.fileOffset + tensor.byteCount])
    }

    private static func withoutTrailingOnes(_ shape: [Int]) -> ArraySlice<Int> {
        shape.prefix((shape.lastIndex { $0 != 1 } ?? -1) + 1)
    }
}

// MARK: - Parts

extension GGUFFile {
    /// Opens the file, and when it is one of a split model, all the others.
    private static func openParts(_ path: String) throws(ModelFileError) -> [GGUFParser.Part] {
        let opened = try GGUFParser.parse(path: path, part: 0)
        let count = try opened.metadata.optionalInteger("split.count") ?? 1
        guard count > 1 else { return [opened] }
        guard count <= GGUFLimits.splitCountMax else {
            throw opened.metadata.error(
                "split.count", "\(count); at most \(GGUFLimits.splitCountMax) are read")
        }
        guard let files = SplitFiles(path: path, count: count) else {
            throw opened.metadata.error(
                "split.count",
                "the file is one of \(count), so its name must end like \(SplitFiles.example(count: count))")
        }
        try checkPresent(files, path)
        var parts: [GGUFParser.Part] = []
        for part in 0..<count {
            parts.append(try openPart(files, part))
        }
        try checkTensorCount(parts)
        return parts
    }

    private static func checkPresent(_ files: SplitFiles, _ path: String) throws(ModelFileError) {
        let missing = (0..<files.count).map(files.path).filter { access($0, F_OK) != 0 }
        guard missing.isEmpty else {
            throw ModelFileError(
                path: path, field: "split.count",
                reason: "\(missing.count) of the model's \(files.count) files missing: "
                    + missing.joined(separator: ", "))
        }
    }

    private static func openPart(_ files: SplitFiles, _ part: Int) throws(ModelFileError) -> GGUFParser.Part {
        let opened = try GGUFParser.parse(path: files.path(part), part: part)
        for (key, expected) in [("split.no", part), ("split.count", files.count)] {
            let found = try opened.metadata.integer(key)
            guard found == expected else {
                throw opened.metadata.error(key, "\(found), where the file's name says \(expected)")
            }
        }
        return opened
    }

    private static func checkTensorCount(_ parts: [GGUFParser.Part]) throws(ModelFileError) {
        let key = "split.tensors.count"
        let total = parts.reduce(0) { $0 + $1.tensors.count }
        for part in parts {
            guard let expected = try part.metadata.optionalInteger(key), expected != total else { continue }
            throw part.metadata.error(key, "\(expected), but the \(parts.count) files have \(total) tensors")
        }
    }

    private static func places(_ tensors: [TensorInfo], _ path: String) throws(ModelFileError) -> [String:
        Int]
    {
        var places: [String: Int] = [:]
        places.reserveCapacity(tensors.count)
        for (place, tensor) in tensors.enumerated() {
            guard places.updateValue(place, forKey: tensor.name) == nil else {
                throw ModelFileError(
                    path: path, field: "tensor \(tensor.name)",
                    reason: "in more than one of the model's files")
            }
        }
        return places
    }
}
