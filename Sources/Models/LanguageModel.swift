import ModelFiles

/// How a model's KV cache is cut into blocks.
public struct KVGeometry: Sendable, Equatable {
    /// Positions in a block (design: 32).
    public static let blockTokens = 32
    /// Bytes of one block over all layers, keys and values.
    public var bytesPerBlock: Int
    /// Blocks that the cache holds.
    public var blockCount: Int

    public init(bytesPerBlock: Int, blockCount: Int) {
        self.bytesPerBlock = bytesPerBlock
        self.blockCount = blockCount
    }
}

/// What the engine needs of a model. Confined to the engine's thread.
public protocol LanguageModel: AnyObject {
    var vocabularyCount: Int { get }
    /// Positions a sequence may have, prompt and answer together.
    var contextLength: Int { get }
    /// The most columns that one `forward` takes.
    var columnsMax: Int { get }
    var kvGeometry: KVGeometry { get }

    /// Computes one step and writes the keys and values of its columns into their blocks.
    ///
    /// - Returns: a row for each output of the batch, valid until the next call.
    func forward(_ batch: StepBatch) -> Logits

    /// Copies the first `tokens` positions of one block to another, in every layer.
    func copyBlock(from source: Int32, to destination: Int32, tokens: Int)
}
