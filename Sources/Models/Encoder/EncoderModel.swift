import Compute
import ModelFiles

/// How the states of an input's tokens become one embedding.
public enum Pooling: String, Sendable, CaseIterable {
    /// Their mean.
    case mean
    /// The first one's, which is [CLS].
    case cls
    /// The last one's.
    case last
}

/// A transformer that reads whole texts in both directions (BERT, arXiv:1810.04805) and gives an embedding of each.
///
/// An input's embedding depends on nothing that stands beside it in a step. Confined to one thread, which is thread 0
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
        let shape: EncoderShape
        let weights: EncoderWeights
        let file: SafetensorsFile
        let pooling: Pooling
        do throws(ModelFileError) {
            shape = try EncoderShape(ConfigFile(folder, "config.json"))
            pooling = try Pooling(folder)
            file = try folder.weights()
            weights = try EncoderWeights(file, shape)
        } catch {
            throw .file(error.description)
        }
        let pool = ThreadPool(count: threads)
        try weights.pack(pool)
        // A step takes the longest input, and is wide enough for the kernels' best speed.
        let columns = max(512, shape.contextLength)
        guard
            let workspace = EncoderWorkspace(
                shape, columns: columns, planes: precision.planes, threads: pool.count)
        else { throw .memory(EncoderWorkspace.cacheBytes(shape, columns: columns)) }
        return EncoderModel(file, shape, pooling, weights, workspace, precision.planes, kernels, pool)
    }

    private init(
        _ file: SafetensorsFile, _ shape: EncoderShape, _ pooling: Pooling, _ weights: EncoderWeights,
        _ workspace: EncoderWorkspace, _ planes: Int, _ kernels: Kernels, _ pool: ThreadPool
    ) {
        (self.file, self.shape, self.pooling, self.weights) = (file, shape, pooling, weights)
        (self.workspace, self.planes, self.kernels, self.pool) = (workspace, planes, kernels, pool)
        columnsMax = workspace.columnsMax
    }

    /// Binds the calling thread to the CPU of thread 0.
    public func adoptThread() { pool.pinCaller() }

    /// Embeds texts that fit into one step, each 1 to `shape.contextLength` of the vocabulary's tokens.
    ///
    /// - Returns: an embedding each, of whatever length. [input][width]
    public func embed(_ inputs: [[TokenID]]) -> [[Float]] {
        let step = EncoderStep(self, inputs)
        pool.run { thread in step.run(thread) }
        return inputs.indices.map { step.embedding(of: $0) }
    }
}

extension Pooling {
    /// What sentence-transformers wrote beside the model; without it, the mean.
    init(_ folder: ModelFolder) throws(ModelFileError) {
        guard let config = try folder.optionalObject("1_Pooling/config.json") else {
            self = .mean
            return
        }
        let modes = config.filter { $0.key.hasPrefix("pooling_mode_") && $0.value.bool == true }.map(\.key)
        switch modes {
        case ["pooling_mode_mean_tokens"]: self = .mean
        case ["pooling_mode_cls_token"]: self = .cls
        case ["pooling_mode_lasttoken"]: self = .last
        default:
            throw ModelFileError(
                path: "\(folder.path)/1_Pooling/config.json", field: "pooling_mode",
                reason:
                    "\(modes.joined(separator: ", ")); known: mean_tokens, cls_token, lasttoken, one of them")
        }
    }
}
