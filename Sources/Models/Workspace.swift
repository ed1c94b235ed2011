import CKernels
import Compute

/// The buffers of a step, sized once for the widest one.
///
/// With few columns every thread carries the residual stream and the activations of all of them in buffers of
/// its own, which saves a barrier after each norm; with many, the columns are shared out and the buffers
/// common.
final class Workspace {
    /// Up to so many columns each thread works through all norms by itself.
    static let privateColumnsMax = 4

    let columnsMax: Int
    /// Residual streams and inputs of matrices: [thread] for few columns, then the common one.
    let own: [Lane]
    let common: Lane
    /// Queries, keys, values of a column side by side. [column][queryWidth + 2 * kvWidth]
    let projections: Buffer<Float>
    /// [column][queryWidth]
    let attended: Columns
    /// [column][feedForwardWidth]
    let hidden: Columns
    /// What attention or feed-forward adds to the residual stream. [column][width]
    let added: Buffer<Float>
    /// [rope][column][ropeDim / 2]
    let cosines: Buffer<Float>
    let sines: Buffer<Float>
    /// [thread][scratchCount]
    let scratch: [Buffer<Float>]
    /// Attention's states where positions are shared out, [slice][kvHead][segment][stateFloats], grown when a step
    /// wants more.
    private(set) var states: Buffer<Float>
    /// Segments that are done. [slice][kvHead]
    let segmentsDone: Countdown

    /// Columns of floats that own their memory.
    final class Columns {
        private let buffer: Buffer<Float>
        let columns: FloatColumns

        init(_ count: Int, width: Int) {
            let stride = FloatColumns.stride(width)
            buffer = Buffer(count * stride)
            columns = FloatColumns(buffer.pointer, stride: stride)
        }

        static func byteCount(_ count: Int, width: Int) -> Int { count * FloatColumns.stride(width) * 4 }
    }

    /// A residual stream, its norm, and the activations that a matrix takes.
    final class Lane {
        /// [column][width]
        let stream: Buffer<Float>
        /// [column][width]
        let normed: Columns
        let quantized: Activations

        init(_ shape: ModelShape, columns: Int, _ planesMax: Int) {
            stream = Buffer(columns * shape.width)
            normed = Columns(columns, width: shape.width)
            quantized = Activations(
                width: Workspace.inputWidth(shape), columnsMax: columns, planesMax: planesMax)
        }
    }

    init(_ shape: ModelShape, _ options: ModelOptions) {
        let columns = options.columnsMax
        columnsMax = columns
        own = (0..<options.threads).map { _ in
            Lane(shape, columns: min(columns, Self.privateColumnsMax), options.planesMax)
        }
        common = Lane(shape, columns: columns, options.planesMax)
        projections = Buffer(columns * (shape.queryWidth + 2 * shape.kvWidth))
        attended = Columns(columns, width: shape.queryWidth)
        hidden = Columns(columns, width: shape.feedForwardWidth)
        added = Buffer(columns * shape.width)
        cosines = Buffer(shape.ropeBases.count * columns * shape.ropeDim / 2)
        sines = Buffer(shape.ropeBases.count * columns * shape.ropeDim / 2)
        scratch = (0..<options.threads).map { _ in Buffer(Self.scratchCount(shape)) }
        states = Buffer(0)
        segmentsDone = Countdown(places: Self.privateColumnsMax * shape.kvHeadCount)
    }

    /// Makes room for the states that a step spreads over threads.
    func reserveStates(_ step: Step) {
        guard step.isSegmented else { return }
        let count =
            step.slices.count * step.shape.kvHeadCount * step.segmentsMax * Self.stateFloats(step.shape)
        if states.count < count { states = Buffer(count) }
    }

    /// Floats of the states that a narrow step's slice has for one KV head after one segment.
    static func stateFloats(_ shape: ModelShape) -> Int {
        privateColumnsMax * (shape.headCount / shape.kvHeadCount) * (shape.headDim + Int(APUS_STATE_EXTRA))
    }

    /// The widest input of any matrix.
    static func inputWidth(_ shape: ModelShape) -> Int {
        max(shape.width, shape.queryWidth, shape.feedForwardWidth)
    }

    /// Floats of a thread: for products, for attention, for one run of up-projections, for a norm.
    static func scratchCount(_ shape: ModelShape) -> Int {
        Matrix.scratchCount + Int(APUS_ATTENTION_SCRATCH)
            + upRun(columns: Matrix.columnGroup) + shape.width
    }

    /// Panels of gate and up that are multiplied before their products meet.
    static let runPanels = 8
    static func upRun(columns: Int) -> Int { columns * runPanels * 8 }

    /// Bytes of all buffers, logits of one output included.
    static func byteCount(_ shape: ModelShape, _ options: ModelOptions) -> Int {
        let columns = options.columnsMax
        let lane = { (columns: Int) in
            columns * shape.width * 4 + Columns.byteCount(columns, width: shape.width)
                + Activations.byteCount(
                    width: inputWidth(shape), columnsMax: columns, planesMax: options.planesMax)
        }
        let perColumn =
            shape.queryWidth + shape.kvWidth * 2 + shape.width + shape.ropeBases.count * shape.ropeDim
        return options.threads * (lane(privateColumnsMax) + scratchCount(shape) * 4) + lane(columns)
            + Columns.byteCount(columns, width: shape.queryWidth)
            + Columns.byteCount(columns, width: shape.feedForwardWidth) + columns * perColumn * 4 + shape
            .vocabularyCount * 4
    }
}
