import CKernels
import Compute

/// The buffers of an encoder's step, sized once for the widest one.
final class EncoderWorkspace {
    let columnsMax: Int
    /// The residual stream. [column][width]
    let stream: Columns
    /// Queries, keys, values of a column side by side. [column][3 * width]
    let projections: Buffer<Float>
    /// [column][width]
    let attended: Columns
    /// [column][feedForwardWidth]
    let hidden: Columns
    /// What attention or feed-forward adds to the stream. [column][width]
    let added: Buffer<Float>
    let quantized: Activations
    /// One layer's keys and values, in the blocks of a KV cache: [block]{keys [head][headDim][32 positions], values
    /// [head][32 positions][headDim]}. An input begins with a block of its own.
    let cache: Arena
    /// Blocks follow each other. [block]
    let blocks: [Int32]
    /// [input][width]
    let pooled: Buffer<Float>
    /// [thread]
    let scratch: [Buffer<Float>]

    typealias Columns = Workspace.Columns

    init?(_ shape: EncoderShape, columns: Int, planes: Int, threads: Int) {
        guard let cache = Arena(byteCount: Self.cacheBytes(shape, columns: columns)) else { return nil }
        self.cache = cache
        columnsMax = columns
        blocks = (0..<Int32(columns)).map { $0 }
        stream = Columns(columns, width: shape.width)
        projections = Buffer(columns * 3 * shape.width)
        attended = Columns(columns, width: shape.width)
        hidden = Columns(columns, width: shape.feedForwardWidth)
        added = Buffer(columns * shape.width)
        quantized = Activations(
            width: max(shape.width, shape.feedForwardWidth), columnsMax: columns, planesMax: planes)
        pooled = Buffer(columns * shape.width)
        scratch = (0..<threads).map { _ in Buffer(Self.scratchCount) }
    }

    static func blockBytes(_ shape: EncoderShape) -> Int {
        2 * shape.headCount * KVType.f16.headBytes(headDim: shape.headDim)
    }

    /// Bytes of all buffers.
    static func byteCount(_ shape: EncoderShape, columns: Int, planes: Int, threads: Int) -> Int {
        let perColumn = 5 * shape.width  // projections, added, pooled
        return cacheBytes(shape, columns: columns) + 2 * Columns.byteCount(columns, width: shape.width)
            + Columns.byteCount(columns, width: shape.feedForwardWidth)
            + Activations.byteCount(
                width: max(shape.width, shape.feedForwardWidth), columnsMax: columns, planesMax: planes)
            + (columns * perColumn + threads * scratchCount) * MemoryLayout<Float>.stride
    }

    /// Floats of a thread: for products and for attention.
    private static let scratchCount = Matrix.scratchCount + Int(APUS_ATTENTION_SCRATCH)

    /// There may be as many inputs as columns.
    static func cacheBytes(_ shape: EncoderShape, columns: Int) -> Int { columns * blockBytes(shape) }
}
