/// Symbols in a row whose neighbours merge, best pair first: the pair of the lowest rank, of equal ones the
/// leftmost. Byte pairs and SentencePiece differ only in what a pair's rank is.
///
/// The row is a doubly linked list in an array. Pairs wait in one bucket for each rank, and a heap knows
/// which buckets hold any; a whole bucket is taken out at once and worked off from left to right, so that a
/// megabyte of one letter is read in order. What a merge makes stale stays where it is: an entry counts only
/// while its symbol still has its rank. A merge proposes at most two pairs, so n symbols cost at most O(n log
/// n).
final class MergeChain {
    static let noRank = UInt32.max
    /// Working memory for more symbols than this is given back after use.
    private static let symbolsKept = 1 << 16

    private struct Node {
        var symbol: UInt32
        /// Of the pair that starts here; `noRank` where it does not merge.
        var rank: UInt32
        var next: Int32
        var previous: Int32
    }

    private var nodes = UnsafeMutablePointer<Node>.allocate(capacity: 0)
    private var capacity = 0
    private var count = 0

    /// The newest entry in the bucket of each rank; -1 in an empty one. Between two rows all are empty.
    private let buckets: UnsafeMutablePointer<Int32>
    /// symbol << 32 | the entry before it in its bucket
    private var entries: [UInt64] = []
    private var filledRanks = Heap<UInt32>()

    /// The bucket in work, in ascending order.
    private var batch: [Int32] = []
    private var batchAt = 0
    private var batchRank = UInt32.max
    /// rank << 32 | symbol of pairs that came up too late for the bucket in work, and have to go before it
    /// goes on.
    private var late = Heap<UInt64>()
    private var isPopping = false

    /// - Parameter rankCount: all ranks but `noRank` are below it.
    init(rankCount: Int) {
        buckets = .allocate(capacity: max(rankCount, 1))
        buckets.initialize(repeating: -1, count: max(rankCount, 1))
    }

    deinit {
        nodes.deallocate()
        buckets.deallocate()
    }

    /// Starts over with `count` symbols, 1 ..< 2^31. No pair of them merges until it is proposed.
    func reset(_ count: Int, symbol: (Int) -> UInt32) {
        if count > capacity { allocate(count) }
        self.count = count
        isPopping = false
        for i in 0..<count {
            nodes[i] = Node(
                symbol: symbol(i), rank: Self.noRank, next: Int32(truncatingIfNeeded: i + 1),
                previous: Int32(truncatingIfNeeded: i - 1))
        }
    }

    @inline(__always)
    func symbol(_ place: Int) -> UInt32 { nodes[place].symbol }

    /// Gives large memory back when a row is done.
    func shrink() {
        guard capacity > Self.symbolsKept else { return }
        allocate(0)
        entries = []
        batch = []
        late = Heap()
    }

    /// The next symbol; `count` after the last.
    @inline(__always)
    func next(_ symbol: Int) -> Int { Int(nodes[symbol].next) }

    /// The symbol before; -1 before the first.
    @inline(__always)
    func previous(_ symbol: Int) -> Int { Int(nodes[symbol].previous) }

    /// Sets the rank of the pair that starts at `symbol`.
    @inline(__always)
    func propose(_ symbol: Int, rank: UInt32) {
        nodes[symbol].rank = rank
        guard rank != Self.noRank else { return }
        if isPopping && rank <= batchRank {
            late.push(UInt64(rank) << 32 | UInt64(truncatingIfNeeded: symbol))
            return
        }
        let before = buckets[Int(rank)]
        if before < 0 { filledRanks.push(rank) }
        buckets[Int(rank)] = Int32(truncatingIfNeeded: entries.count)
        entries.append(UInt64(truncatingIfNeeded: symbol) << 32 | UInt64(UInt32(bitPattern: before)))
    }

    /// The symbol where the best pair starts; nil when nothing merges any more.
    func popBest() -> Int? {
        isPopping = true
        while true {
            let isBatchDone = batchAt == batch.count
            if let first = late.first,
                isBatchDone || first < UInt64(batchRank) << 32 | UInt64(truncatingIfNeeded: batch[batchAt])
            {
                late.removeFirst()
                let symbol = Int(first & 0xFFFF_FFFF)
                if nodes[symbol].rank == UInt32(first >> 32) { return symbol }
            } else if !isBatchDone {
                let symbol = Int(batch[batchAt])
                batchAt += 1
                if nodes[symbol].rank == batchRank { return symbol }
            } else if !takeBucket() {
                return nil
            }
        }
    }

    /// Makes the bucket of the lowest rank the one in work. Returns false, with everything empty, when there
    /// is none.
    private func takeBucket() -> Bool {
        batch.removeAll(keepingCapacity: true)
        batchAt = 0
        guard let rank = filledRanks.first else {
            entries.removeAll(keepingCapacity: true)
            return false
        }
        filledRanks.removeFirst()
        batchRank = rank
        var entry = buckets[Int(rank)]
        buckets[Int(rank)] = -1
        var isAscending = true
        var last = Int32.max
        while entry >= 0 {
            let packed = entries[Int(entry)]
            let symbol = Int32(truncatingIfNeeded: packed >> 32)
            entry = Int32(truncatingIfNeeded: packed)
            // The newest entry comes first: backwards the bucket is mostly in order.
            isAscending = isAscending && symbol <= last
            last = symbol
            batch.append(symbol)
        }
        batch.reverse()
        if !isAscending { batch.sort() }
        return true
    }

    /// Joins the symbol and the next one. The caller proposes the new pairs on both sides.
    @inline(__always)
    func merge(_ symbol: Int, into merged: UInt32) {
        let right = next(symbol)
        let after = next(right)
        nodes[symbol] = Node(
            symbol: merged, rank: Self.noRank, next: Int32(truncatingIfNeeded: after),
            previous: nodes[symbol].previous)
        nodes[right].rank = Self.noRank
        if after < count { nodes[after].previous = Int32(truncatingIfNeeded: symbol) }
    }

    private func allocate(_ count: Int) {
        nodes.deallocate()
        nodes = .allocate(capacity: count)
        capacity = count
    }
}
