import Models

/// What the model must do to its KV memory before it writes there again; in the order in which it was asked for.
enum BlockOperation: Equatable {
    /// Copies the first `tokens` positions of a block.
    case copy(KVGroup, source: Int32, destination: Int32, tokens: Int)
    /// The group gives a block's memory to the other one.
    case discard(KVGroup, Int32)
}
