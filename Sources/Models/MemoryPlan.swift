import Compute
import ModelFiles

/// What a model will take of memory, known before it is loaded. All in bytes.
public struct MemoryPlan: Sendable, Equatable {
    /// Packed weights.
    public let weightBytes: Int
    /// The KV cache when it is full.
    public let kvBytes: Int
    /// Buffers of a step and of the threads.
    public let workspaceBytes: Int
    /// Of the file, mapped: the system may drop its pages at any time.
    public let fileBytes: Int
    /// Positions of a sequence.
    public let contextLength: Int
    /// Blocks of `KVGeometry.blockTokens` positions in the KV cache.
    public let kvBlockCount: Int

    public var totalBytes: Int { weightBytes + kvBytes + workspaceBytes }

    public init(file: GGUFFile, options: ModelOptions) throws(ModelError) {
        do {
            try self.init(file, ModelShape(file), Weights(file, ModelShape(file)), options)
        } catch let error as ModelFileError {
            throw .file(error.description)
        } catch let error as ModelError {
            throw error
        } catch {
            throw .file("\(error)")
        }
    }

    init(_ file: GGUFFile, _ shape: ModelShape, _ weights: Weights, _ options: ModelOptions)
        throws(ModelError)
    {
        let context = options.contextLength ?? shape.contextLength
        guard (1...shape.contextLength).contains(context) else {
            throw .option("a context of \(context) tokens; this model takes 1 to \(shape.contextLength)")
        }
        guard (1...256).contains(options.threads) else {
            throw .option("\(options.threads) threads; expected 1 to 256")
        }
        let block = shape.kvBlockBytes(options.kvType)
        let blocksOfContext = (context + KVGeometry.blockTokens - 1) / KVGeometry.blockTokens
        let wanted =
            options.kvBytesMax.map { $0 / block }
            ?? max(blocksOfContext, min(ModelOptions.defaultKVTokens, context * 32) / KVGeometry.blockTokens)
        guard wanted >= 1 else {
            throw .option(
                "\(options.kvBytesMax ?? 0) bytes of KV memory; one block of \(KVGeometry.blockTokens) tokens takes \(block)"
            )
        }
        guard wanted < Int(Int32.max) else {
            throw .option("\(wanted) KV blocks are more than can be counted")
        }
        contextLength = min(context, wanted * KVGeometry.blockTokens)
        kvBlockCount = wanted
        kvBytes = wanted * block
        weightBytes = weights.packedBytes
        workspaceBytes = Workspace.byteCount(shape, options)
        fileBytes = file.fileBytes
    }
}
