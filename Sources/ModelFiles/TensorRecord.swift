import Compute

/// A tensor info as the file states it: the shape and type are checked, the place of the data not yet.
struct TensorRecord {
    /// The least that one takes: name length and one letter, dimension count, one dimension, type, offset.
    static let bytesMin = 8 + 1 + 4 + 8 + 4 + 8

    let name: String
    private let path: String
    private let type: TensorType
    private let shape: [Int]
    private let byteCount: Int
    /// From the start of the data section.
    private let offset: UInt64

    /// - Parameter index: the place in the list, which names the record as long as its name is not known.
    init(_ cursor: inout ByteCursor, index: Int) throws(ModelFileError) {
        path = cursor.path
        name = try cursor.name(bytesMax: GGUFLimits.tensorNameBytesMax, "tensor \(index)")
        let field = "tensor \(name)"
        shape = try Self.readShape(&cursor, field)
        let number = try cursor.integer(UInt32.self, field)
        guard let type = TensorType(rawValue: number) else {
            throw cursor.error(field, Self.refusal(ofType: number))
        }
        self.type = type
        offset = try cursor.integer(UInt64.self, field)
        guard shape[0] % type.blockElements == 0 else {
            throw cursor.error(
                field,
                "its rows of \(shape[0]) elements are no whole number of \(type.name) blocks of "
                    + "\(type.blockElements)")
        }
        guard let byteCount = Self.byteCount(shape, type) else {
            throw cursor.error(field, "shape \(shape) has more elements than 64 bits count")
        }
        self.byteCount = byteCount
    }

    func error(_ reason: String) -> ModelFileError {
        ModelFileError(path: path, field: "tensor \(name)", reason: reason)
    }

    /// Checks that the data lie inside the file, aligned.
    func place(dataStart: Int, alignment: Int, fileBytes: Int, part: Int) throws(ModelFileError) -> TensorInfo
    {
        guard offset % UInt64(alignment) == 0 else {
            throw error("its offset \(offset) is no multiple of the alignment \(alignment)")
        }
        let room = fileBytes - dataStart
        guard room >= byteCount && offset <= UInt64(room - byteCount) else {
            throw error(
                "\(byteCount) bytes at offset \(offset) of the data pass the end of the file: the data "
                    + "begin at byte \(dataStart) of \(fileBytes)")
        }
        return TensorInfo(
            name: name, type: type, shape: shape, byteCount: byteCount,
            fileOffset: dataStart + Int(offset), part: part)
    }
}

extension TensorRecord {
    private static func readShape(_ cursor: inout ByteCursor, _ field: String) throws(ModelFileError) -> [Int]
    {
        let count = try cursor.integer(UInt32.self, field)
        guard count >= 1 && count <= GGUFLimits.dimensionCountMax else {
            throw cursor.error(field, "\(count) dimensions; 1 to \(GGUFLimits.dimensionCountMax) are allowed")
        }
        var shape: [Int] = []
        for index in 0..<count {
            let dimension = try cursor.integer(UInt64.self, field)
            guard dimension > 0, let dimension = Int(exactly: dimension) else {
                throw cursor.error(field, "dimension \(index) is \(dimension); 1 to \(Int.max) are allowed")
            }
            shape.append(dimension)
        }
        return shape
    }

    /// nil on overflow. Elements are counted before blocks, so that the element count fits as well.
    private static func byteCount(_ shape: [Int], _ type: TensorType) -> Int? {
        var elements = 1
        for dimension in shape {
            let (product, overflow) = elements.multipliedReportingOverflow(by: dimension)
            if overflow { return nil }
            elements = product
        }
        let (bytes, overflow) = (elements / type.blockElements).multipliedReportingOverflow(
            by: type.blockBytes)
        return overflow ? nil : bytes
    }

    private static func refusal(ofType number: UInt32) -> String {
        let read = TensorType.allCases.map(\.name).joined(separator: ", ")
        let name = unreadTypes[number].map { "type \($0) is not supported" } ?? "unknown type \(number)"
        return "\(name); supported are \(read)"
    }

    /// The types of ggml that exist and are not read, for the error.
    private static let unreadTypes: [UInt32: String] = [
        9: "Q8_1", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 21: "IQ3_S",
        22: "IQ2_S", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 34: "TQ1_0",
        35: "TQ2_0",
    ]
}
