public import Compute

/// One tensor of a model file: what it is and where its data lie.
public struct TensorInfo: Sendable {
    public let name: String
    public let type: TensorType
    /// In GGUF's order: shape[0] is the row length, the dimension whose elements lie beside each other.
    /// One to four dimensions, each at least 1.
    public let shape: [Int]
    /// The size of its data.
    public let byteCount: Int
    /// The position of its data, in bytes from the start of its file.
    public let fileOffset: Int
    /// Which file of a split model holds it; 0 for a model in one file.
    public let part: Int

    /// Elements in all.
    public var elementCount: Int { shape.reduce(1, *) }
    /// Elements in a row.
    public var rowLength: Int { shape[0] }
    /// Rows in all.
    public var rowCount: Int { elementCount / rowLength }
}
