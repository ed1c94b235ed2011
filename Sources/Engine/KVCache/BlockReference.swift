import Models

/// A block of one of the groups of layers.
struct BlockReference: Equatable {
    var group: KVGroup
    var block: Int32
}
