import Compute
import ModelFiles

/// A transformer that reads whole texts in both directions (BERT, arXiv:1810.04805) and gives an embedding of each, or a
/// score of a pair of texts where it has the head for that (a cross-encoder).
///
/// What it gives of an input depends on nothing that stands beside it in a step. Confined to one thread, which is thread 0
/// of its pool.
public final class EncoderModel {
    public let shape: EncoderShape
    public let pooling: Pooling
    /// The most tokens of all inputs of one step.
    public let columnsMax: Int
    let weights: EncoderWeights
    let workspace: EncoderWorkspace
    let kernels: Kernels
    let pool: ThreadPool
    let planes: Int
    private let file: SafetensorsFile  // the words' embeddings are read from its mapping

    /// Loads the weights of a folder: maps, checks, repacks.
    public static func load(
        folder: ModelFolder, precision: Precision = .high, threads: Int = ThreadPool.cpuCount,
        kernels: Kernels = .best
    ) throws(ModelError) -> EncoderModel {
        let source = try EncoderSource(folder)
        let (shape, columns) = (source.shape, source.columnsMax)
        let pool = ThreadPool(count: threads)
        try source.weights.pack(pool)
        guard
            let workspace = EncoderWorkspace(
                shape, columns: columns, planes: precision.planes, threads: pool.count)
        else { throw .memory(EncoderWorkspace.cacheBytes(shape, columns: columns)) }
        return EncoderModel(source, workspace, precision.planes, kernels, pool)
    }

    private init(
        _ source: EncoderSource, _ workspace: EncoderWorkspace, _ planes: Int, _ kernels: Kernels,
        _ pool: ThreadPool
    ) {
        (file, shape, pooling, weights) = (source.file, source.shape, source.pooling, source.weights)
        (self.workspace, self.planes, self.kernels, self.pool) = (workspace, planes, kernels, pool)
        columnsMax = workspace.columnsMax
    }

    /// Binds the calling thread to the CPU of thread 0.
    public func adoptThread() { pool.pinCaller() }

    /// Whether it has the head that pairs need.
    public var scoresPairs: Bool { weights.scoreHead != nil }

    /// Reads inputs that fit into one step, each of 1 to `shape.contextLength` of the vocabulary's tokens; pairs only
    /// where `scoresPairs`.
    ///
    /// - Returns: of a text its embedding, of whatever length; of a pair its one score, a logit.
    ///   [input][width or 1]
    public func read(_ inputs: [EncoderInput]) -> [[Float]] {
        let step = EncoderStep(self, inputs)
        pool.run { thread in step.run(thread) }
        return inputs.indices.map { step.result(of: $0) }
    }
}
