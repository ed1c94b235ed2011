import Compute

/// Reads the head of one GGUF file, versions 2 and 3: header, metadata, tensor infos.
///
/// Format: github.com/ggml-org/ggml/blob/master/docs/gguf.md. Everything that the head claims about the rest
/// of the file is checked here, so that what comes out can be used without looking twice.
struct GGUFParser {
    /// What one file holds.
    struct Part {
        let mapping: FileMapping
        let version: UInt32
        let metadata: GGUFMetadata
        /// In file order, each inside the file and apart from the others.
        let tensors: [TensorInfo]
    }

    private var cursor: ByteCursor
    private let part: Int
    private var nestedArrayCount = 0

    /// - Parameter part: the place of the file in a split model, for its `TensorInfo`s.
    static func parse(path: String, part: Int) throws(ModelFileError) -> Part {
        let mapping = try FileMapping(path: path)
        var parser = GGUFParser(cursor: ByteCursor(mapping: mapping, path: path), part: part)
        let version = try parser.readVersion()
        let tensorCount = try parser.readCount(
            of: "tensors", bytesMin: TensorRecord.bytesMin, max: GGUFLimits.tensorCountMax)
        let metadataCount = try parser.readCount(
            of: "metadata entries", bytesMin: metadataBytesMin, max: GGUFLimits.metadataCountMax)
        let metadata = try parser.readMetadata(count: metadataCount)
        let tensors = try parser.readTensors(count: tensorCount, alignment: alignment(metadata))
        return Part(mapping: mapping, version: version, metadata: metadata, tensors: tensors)
    }

    private init(cursor: ByteCursor, part: Int) {
        self.cursor = cursor
        self.part = part
    }
}

// MARK: - Header

extension GGUFParser {
    private mutating func readVersion() throws(ModelFileError) -> UInt32 {
        let magic = try cursor.integer(UInt32.self, "header")
        guard magic == 0x4655_4747 else {  // "GGUF"
            throw cursor.error("header", "not a GGUF file: it does not begin with the letters GGUF")
        }
        let version = try cursor.integer(UInt32.self, "header")
        if version == 2 || version == 3 { return version }
        // Version 3 allows big-endian files: their version reads as 3 << 24.
        if version & 0xFFFF == 0 && version != 0 {
            throw cursor.error("header", "a big-endian file; only little-endian ones are read")
        }
        throw cursor.error("header", "GGUF version \(version); versions 2 and 3 are read")
    }

    private mutating func readCount(
        of things: String, bytesMin: Int, max: Int
    ) throws(ModelFileError) -> Int {
        let count = try cursor.count(of: things, bytesMin: bytesMin, "header")
        guard count <= max else {
            throw cursor.error("header", "\(count) \(things); at most \(max) are read")
        }
        return count
    }

    private static func alignment(_ metadata: GGUFMetadata) throws(ModelFileError) -> Int {
        let key = "general.alignment"
        guard let alignment = try metadata.optionalInteger(key) else { return GGUFLimits.alignmentDefault }
        let allowed = GGUFLimits.alignmentMin...GGUFLimits.alignmentMax
        guard allowed.contains(alignment) && alignment & (alignment - 1) == 0 else {
            throw metadata.error(
                key, "\(alignment) is not a power of two from \(allowed.lowerBound) to \(allowed.upperBound)")
        }
        return alignment
    }
}

// MARK: - Metadata

extension GGUFParser {
    /// A key's length and one letter, a type, and the least value.
    private static var metadataBytesMin: Int { 8 + 1 + 4 + 1 }

    private mutating func readMetadata(count: Int) throws(ModelFileError) -> GGUFMetadata {
        var metadata = GGUFMetadata(path: cursor.path)
        for index in 0..<count {
            let key = try cursor.name(bytesMax: GGUFLimits.keyBytesMax, "metadata entry \(index)")
            let type = try readType(key)
            let value = try readValue(type, key)
            guard metadata.append(key, value) else { throw metadata.error(key, "the key appears twice") }
        }
        return metadata
    }

    private mutating func readType(_ key: String) throws(ModelFileError) -> MetadataType {
        let number = try cursor.integer(UInt32.self, "metadata \(key)")
        guard let type = MetadataType(rawValue: number) else {
            throw cursor.error("metadata \(key)", "unknown value type \(number); types 0 to 12 are known")
        }
        return type
    }

    private mutating func readValue(_ type: MetadataType, _ key: String) throws(ModelFileError)
        -> MetadataValue
    {
        let field = "metadata \(key)"
        guard let size = type.fixedBytes else {
            if type == .array { return .array(try readArray(key, depth: 1)) }
            return .string(try cursor.string(bytesMax: GGUFLimits.stringBytesMax, field))
        }
        let start = try cursor.skip(size, field)
        let bytes = UnsafeRawBufferPointer(rebasing: cursor.mapping.bytes[start..<start + size])
        if type == .bool && bytes[0] > 1 { throw cursor.error(field, "the bool is \(bytes[0]), not 0 or 1") }
        return type.value(of: bytes)
    }

    private mutating func readArray(_ key: String, depth: Int) throws(ModelFileError) -> MetadataArray {
        let field = "metadata \(key)"
        guard depth <= GGUFLimits.arrayDepthMax else {
            throw cursor.error(field, "arrays lie in arrays more than \(GGUFLimits.arrayDepthMax) deep")
        }
        let type = try readType(key)
        let count = try cursor.count(of: "\(type.name) elements", bytesMin: type.bytesMin, field)
        switch type {
        case .array:
            return try readArrays(key, count: count, depth: depth)
        case .string:
            return MetadataArray(
                elementType: type, count: count, storage: .strings(try readStrings(key, count)))
        default:
            let start = try cursor.skip(count * (type.fixedBytes ?? 0), field)
            if type == .bool, let odd = cursor.mapping.bytes[start..<start + count].first(where: { $0 > 1 }) {
                throw cursor.error(field, "one of its bools is \(odd), not 0 or 1")
            }
            return MetadataArray(
                elementType: type, count: count, storage: .fixed(cursor.mapping, offset: start))
        }
    }

    private mutating func readArrays(
        _ key: String, count: Int, depth: Int
    ) throws(ModelFileError) -> MetadataArray {
        nestedArrayCount += count
        guard nestedArrayCount <= GGUFLimits.nestedArrayCountMax else {
            throw cursor.error(
                "metadata \(key)", "more than \(GGUFLimits.nestedArrayCountMax) arrays in arrays")
        }
        var arrays: [MetadataArray] = []
        for _ in 0..<count { arrays.append(try readArray(key, depth: depth + 1)) }
        return MetadataArray(elementType: .array, count: count, storage: .arrays(arrays))
    }

    private mutating func readStrings(_ key: String, _ count: Int) throws(ModelFileError) -> ByteStrings {
        var starts: [Int] = []
        starts.reserveCapacity(count + 1)
        for index in 0..<count {
            starts.append(try cursor.stringRange("metadata \(key), string \(index)").lowerBound)
        }
        starts.append(cursor.position + ByteStrings.lengthBytes)
        return ByteStrings(mapping: cursor.mapping, starts: starts)
    }
}

// MARK: - Tensors

extension GGUFParser {
    private mutating func readTensors(count: Int, alignment: Int) throws(ModelFileError) -> [TensorInfo] {
        var records: [TensorRecord] = []
        var names: Set<String> = []
        for index in 0..<count {
            let record = try TensorRecord(&cursor, index: index)
            guard names.insert(record.name).inserted else { throw record.error("the name appears twice") }
            records.append(record)
        }
        guard count > 0 else { return [] }
        // The data begin at the next multiple of the alignment.
        let dataStart = (cursor.position + alignment - 1) & -alignment
        var tensors: [TensorInfo] = []
        tensors.reserveCapacity(count)
        for record in records {
            tensors.append(
                try record.place(
                    dataStart: dataStart, alignment: alignment, fileBytes: cursor.mapping.bytes.count,
                    part: part))
        }
        try checkApart(tensors)
        return tensors
    }

    private func checkApart(_ tensors: [TensorInfo]) throws(ModelFileError) {
        let ordered = tensors.sorted { $0.fileOffset < $1.fileOffset }
        for (first, second) in zip(ordered, ordered.dropFirst()) {
            let end = first.fileOffset + first.byteCount
            guard end <= second.fileOffset else {
                throw cursor.error(
                    "tensor \(second.name)",
                    "begins at byte \(second.fileOffset), inside tensor \(first.name), which ends at \(end)")
            }
        }
    }
}
