import ModelFiles

/// What the engine needs of a model. Confined to the engine's thread.
public protocol LanguageModel: AnyObject {
    var vocabularyCount: Int { get }
    /// Positions a sequence may have, prompt and answer together.
    var contextLength: Int { get }
    /// The most columns that one `forward` takes.
    var columnsMax: Int { get }
    var kvGeometry: KVGeometry { get }
    /// Numbers of a column's state, which are those of an embedding.
    var stateWidth: Int { get }

    /// Computes one step, writes the keys and values of its columns into their blocks, and adds the states of those
    /// whose states are wanted to their sums.
    ///
    /// - Returns: a row for each output of the batch, valid until the next call; of its kept slices alone, when the
    ///   batch's deadline is missed.
    func forward(_ batch: StepBatch) -> Logits

    /// Copies the first `tokens` positions of one block to another, in every layer of a group.
    func copyBlock(_ group: KVGroup, from source: Int32, to destination: Int32, tokens: Int)

    /// Nobody needs a block's contents: its memory may go back to the system until something is written there.
    func discardBlock(_ group: KVGroup, _ block: Int32)
}
