/// The KV blocks of a model, ref-counted: who may write where, and which free block goes first.
///
/// Invariants:
/// 1. A block is free, or it has at least one reference; never both.
/// 2. A block with more than one reference is full and is never written again.
/// 3. `freeCount` plus the blocks with a reference is `blockCount`.
///
/// A free block is empty, or it keeps what somebody may ask for again. Empty ones are given out first, then the
/// one that was released longest ago.
///
/// Pure bookkeeping: the memory itself belongs to the model.
struct BlockPool {
    let blockCount: Int
    /// [block]: references that are held; 0 when free.
    private var references: [Int32]
    /// Free and empty; the last one goes first, so that memory that was just used is used again.
    private var empty: [Int32]
    /// Free with contents, in order of release.
    private var kept: BlockList

    init(blockCount: Int) {
        precondition(blockCount >= 0 && blockCount <= Int(Int32.max), "block ids are 32 bits wide")
        self.blockCount = blockCount
        references = Array(repeating: 0, count: blockCount)
        empty = (0..<Int32(blockCount)).reversed()
        kept = BlockList(blockCount: blockCount)
    }

    /// Blocks without a reference.
    var freeCount: Int { empty.count + kept.count }
    /// Those of them that keep their contents.
    var keptCount: Int { kept.count }

    /// Takes a free block with one reference; nil when there is none. `wasKept`: its contents are lost now.
    mutating func allocate() -> (block: Int32, wasKept: Bool)? {
        let wasKept = empty.isEmpty
        guard let block = wasKept ? kept.popFirst() : empty.popLast() else { return nil }
        references[Int(block)] = 1
        return (block, wasKept)
    }

    /// Adds a reference to a block that is in use or keeps its contents.
    mutating func retain(_ block: Int32) {
        if references[Int(block)] == 0 { kept.remove(block) }
        references[Int(block)] += 1
    }

    /// Gives a reference back; the last one frees the block.
    ///
    /// - Parameter keeps: the contents may be asked for again.
    mutating func release(_ block: Int32, keeps: Bool) {
        precondition(references[Int(block)] > 0, "released a free block")
        references[Int(block)] -= 1
        guard references[Int(block)] == 0 else { return }
        if keeps { kept.append(block) } else { empty.append(block) }
    }

    func referenceCount(_ block: Int32) -> Int { Int(references[Int(block)]) }
}
