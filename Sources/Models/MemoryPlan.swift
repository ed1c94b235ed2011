import Compute
import ModelFiles

/// What a model will take of memory, known before it is loaded. All in bytes.
public struct MemoryPlan: Sendable, Equatable {
    /// Packed weights.
    public let weightBytes: Int
    /// How the KV cache is cut, and its budget.
    public let kv: KVGeometry
    /// Buffers of a step and of the threads.
    public let workspaceBytes: Int
    /// Of the file, mapped: the system may drop its pages at any time.
    public let fileBytes: Int
    /// Positions of a sequence, if there is memory for them.
    public let contextLength: Int

    /// The KV cache when it is full.
    public var kvBytes: Int { kv.budgetBytes }
    /// Positions of the longest sequence that fits.
    public var sequenceMax: Int { min(contextLength, kv.positionsMax) }
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
        kv = try Self.kvGeometry(shape, options, context: context)
        contextLength = context
        weightBytes = weights.packedBytes
        workspaceBytes = Workspace.byteCount(shape, options)
        fileBytes = file.fileBytes
    }

    private static func kvGeometry(_ shape: ModelShape, _ options: ModelOptions, context: Int)
        throws(ModelError) -> KVGeometry
    {
        var kv = shape.kvGeometry(options.kvType, budgetBytes: 0)
        if let bytes = options.kvBytesMax {
            guard bytes >= kv.bytesInAllLayers else {
                throw .option(
                    "\(bytes) bytes of KV memory; \(KVGeometry.blockTokens) tokens, the least, take "
                        + "\(kv.bytesInAllLayers)")
            }
            kv.budgetBytes = bytes / kv.bytesPerBlock * kv.bytesPerBlock
        } else {
            // Short sequences have every position in every layer.
            let positions = min(ModelOptions.defaultKVTokens, context * 32)
            kv.budgetBytes = max(
                kv.bytes(positions: context), positions / KVGeometry.blockTokens * kv.bytesInAllLayers)
        }
        for group in KVGroup.allCases where kv.blockCount(of: group) >= Int(Int32.max) {
            throw .option("\(kv.blockCount(of: group)) KV blocks are more than can be counted")
        }
        return kv
    }
}
