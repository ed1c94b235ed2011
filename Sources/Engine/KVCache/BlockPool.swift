/// The KV blocks of a model, ref-counted: who may write where.
///
/// Invariants:
/// 1. A block is free, or it has at least one reference; never both.
/// 2. A block with more than one reference is full and is never written again.
/// 3. `freeCount` plus the blocks with a reference is `blockCount`.
///
/// Pure bookkeeping: the memory itself belongs to the model.
struct BlockPool {
    let blockCount: Int
    /// [block]: references that are held; 0 when free.
    private var references: [Int32]
    /// Free blocks; the last one goes first, so that memory that was just used is used again.
    private var free: [Int32]

    init(blockCount: Int) {
        precondition(blockCount >= 0 && blockCount <= Int(Int32.max), "block ids are 32 bits wide")
        self.blockCount = blockCount
        references = Array(repeating: 0, count: blockCount)
        free = (0..<Int32(blockCount)).reversed()
    }

    var freeCount: Int { free.count }

    /// Takes a free block with one reference; nil when there is none.
    mutating func allocate() -> Int32? {
        guard let block = free.popLast() else { return nil }
        references[Int(block)] = 1
        return block
    }

    /// Adds a reference to a block that is in use.
    mutating func retain(_ block: Int32) {
        precondition(references[Int(block)] > 0, "retained a free block")
        references[Int(block)] += 1
    }

    /// Gives a reference back; the last one frees the block.
    mutating func release(_ block: Int32) {
        precondition(references[Int(block)] > 0, "released a free block")
        references[Int(block)] -= 1
        if references[Int(block)] == 0 { free.append(block) }
    }

    func referenceCount(_ block: Int32) -> Int { Int(references[Int(block)]) }
}
