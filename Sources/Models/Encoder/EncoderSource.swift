import Compute
import ModelFiles

/// What a folder says of an encoder, read and checked; nothing is packed yet.
struct EncoderSource {
    let shape: EncoderShape
    let pooling: Pooling
    let file: SafetensorsFile
    let weights: EncoderWeights

    init(_ folder: ModelFolder) throws(ModelError) {
        do throws(ModelFileError) {
            shape = try EncoderShape(ConfigFile(folder, "config.json"))
            pooling = try Pooling(folder)
            file = try folder.weights()
            weights = try EncoderWeights(file, shape)
        } catch {
            throw .file(error.description)
        }
    }

    /// Columns of a step: it takes the longest input, and is wide enough for the kernels' best speed.
    var columnsMax: Int { max(512, shape.contextLength) }
}

/// What an encoder will take of memory, known before it is loaded. All in bytes.
public struct EncoderPlan: Sendable, Equatable {
    /// Packed weights, and the positions' embeddings.
    public let weightBytes: Int
    /// Buffers of a step and of the threads.
    public let workspaceBytes: Int

    public var totalBytes: Int { weightBytes + workspaceBytes }

    public init(folder: ModelFolder, precision: Precision, threads: Int) throws(ModelError) {
        let source = try EncoderSource(folder)
        weightBytes = source.weights.byteCount
        workspaceBytes = EncoderWorkspace.byteCount(
            source.shape, columns: source.columnsMax, planes: precision.planes, threads: threads)
    }
}
