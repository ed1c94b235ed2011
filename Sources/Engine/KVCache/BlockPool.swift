/// The KV blocks of one group of layers, ref-counted: who may write where.
///
/// Invariants:
/// 1. A block is in use (it has at least one reference), kept (free, with contents that somebody may ask for again),
///    empty (free, with memory) or absent (free, its memory belongs to the system).
/// 2. A block with more than one reference is full and is never written again.
///
/// Pure bookkeeping: the memory itself belongs to the model. `BlockMemory` says which kept block goes first.
struct BlockPool {
    let blockCount: Int
    let blockBytes: Int
    /// [block]: references that are held; 0 when free.
    private var references: [Int32]
    /// The last one goes first, so that memory that was just used is used again.
    private var empty: [Int32] = []
    /// The last one goes first.
    private var absent: [Int32]
    /// Blocks with a reference.
    private(set) var usedCount = 0
    private(set) var keptCount = 0

    init(blockCount: Int, blockBytes: Int) {
        precondition(blockCount >= 0 && blockCount <= Int(Int32.max), "block ids are 32 bits wide")
        self.blockCount = blockCount
        self.blockBytes = blockBytes
        references = Array(repeating: 0, count: blockCount)
        absent = (0..<Int32(blockCount)).reversed()
    }

    /// Blocks without a reference.
    var freeCount: Int { blockCount - usedCount }
    /// Blocks that have memory.
    var residentCount: Int { blockCount - absent.count }

    func referenceCount(_ block: Int32) -> Int { Int(references[Int(block)]) }

    /// Takes an empty block, or makes an absent one resident, with one reference.
    mutating func take(absent takesAbsent: Bool) -> Int32? {
        guard let block = empty.popLast() ?? (takesAbsent ? absent.popLast() : nil) else { return nil }
        references[Int(block)] = 1
        usedCount += 1
        return block
    }

    /// Takes the memory of an empty block away.
    mutating func discardEmpty() -> Int32? {
        guard let block = empty.popLast() else { return nil }
        absent.append(block)
        return block
    }

    /// Adds a reference to a block that is in use or kept.
    ///
    /// - Returns: whether it was kept.
    mutating func retain(_ block: Int32) -> Bool {
        references[Int(block)] += 1
        guard references[Int(block)] == 1 else { return false }
        keptCount -= 1
        usedCount += 1
        return true
    }

    /// Gives a reference back.
    ///
    /// - Parameter keeps: the contents may be asked for again.
    /// - Returns: whether it was the last one.
    mutating func release(_ block: Int32, keeps: Bool) -> Bool {
        precondition(references[Int(block)] > 0, "released a free block")
        references[Int(block)] -= 1
        guard references[Int(block)] == 0 else { return false }
        usedCount -= 1
        if keeps { keptCount += 1 } else { empty.append(block) }
        return true
    }

    /// Forgets the contents of a kept block.
    mutating func forget(_ block: Int32) {
        precondition(references[Int(block)] == 0 && keptCount > 0, "forgot a block that is in use")
        keptCount -= 1
        empty.append(block)
    }
}
