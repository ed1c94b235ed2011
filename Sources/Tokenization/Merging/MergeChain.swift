/// Symbols in a row whose neighbours merge, best pair first: a doubly linked list over arrays and a heap of pairs.
///
/// Byte pairs and SentencePiece differ in what a pair's rank is; the lower one merges first, of equal ones the leftmost.
/// An entry of the heap is worth something only while `ranks` still has its rank for its symbol: what a merge makes
/// stale is found out when it is popped. A merge adds at most two entries, so n symbols cost O(n log n).
final class MergeChain {
    static let noRank = UInt32.max
    /// Working memory for more symbols than this is given back after use.
    private static let symbolsKept = 1 << 16

    private(set) var symbols: UnsafeMutablePointer<UInt32>
    /// Of the pair that starts at a symbol; `noRank` where it does not merge.
    private var ranks: UnsafeMutablePointer<UInt32>
    private var nexts: UnsafeMutablePointer<Int32>
    private var previouses: UnsafeMutablePointer<Int32>
    private var capacity = 0
    private var count = 0
    /// rank << 32 | symbol, four children a node.
    private var heap: [UInt64] = []
    private var isOrdered = false

    init() {
        symbols = .allocate(capacity: 0)
        ranks = .allocate(capacity: 0)
        nexts = .allocate(capacity: 0)
        previouses = .allocate(capacity: 0)
    }

    deinit { release() }

    /// Starts over with `count` symbols, 1 ..< 2^31, whose values the caller then sets.
    func reset(_ count: Int) {
        if count > capacity {
            release()
            allocate(count)
        }
        self.count = count
        heap.removeAll(keepingCapacity: true)
        isOrdered = false
        for i in 0..<count {
            ranks[i] = Self.noRank
            nexts[i] = Int32(truncatingIfNeeded: i + 1)
            previouses[i] = Int32(truncatingIfNeeded: i - 1)
        }
    }

    /// Gives large memory back when a word is done.
    func shrink() {
        guard capacity > Self.symbolsKept else { return }
        release()
        allocate(0)
        heap = []
    }

    /// The next symbol; `count` after the last.
    @inline(__always)
    func next(_ symbol: Int) -> Int { Int(nexts[symbol]) }

    /// The symbol before; -1 before the first.
    @inline(__always)
    func previous(_ symbol: Int) -> Int { Int(previouses[symbol]) }

    /// Sets the rank of the pair that starts at `symbol`.
    @inline(__always)
    func propose(_ symbol: Int, rank: UInt32) {
        ranks[symbol] = rank
        guard rank != Self.noRank else { return }
        heap.append(UInt64(rank) << 32 | UInt64(truncatingIfNeeded: symbol))
        if isOrdered { siftUp() }
    }

    /// Orders what was proposed so far; from now on each proposal finds its place at once.
    func startHeap() {
        isOrdered = true
        guard heap.count > 1 else { return }
        heap.withUnsafeMutableBufferPointer { heap in
            for node in stride(from: (heap.count - 2) / 4, through: 0, by: -1) {
                Self.siftDown(heap, from: node, heap.count)
            }
        }
    }

    /// The symbol where the best pair starts; nil when nothing merges any more.
    func popBest() -> Int? {
        while let best = heap.first {
            let last = heap.removeLast()
            if !heap.isEmpty {
                heap.withUnsafeMutableBufferPointer { heap in
                    heap[0] = last
                    Self.siftDown(heap, from: 0, heap.count)
                }
            }
            let symbol = Int(best & 0xFFFF_FFFF)
            if ranks[symbol] == UInt32(best >> 32) { return symbol }
        }
        return nil
    }

    /// Joins the symbol and the next one. The caller proposes the new pairs on both sides.
    @inline(__always)
    func merge(_ symbol: Int, into merged: UInt32) {
        let right = next(symbol)
        let after = next(right)
        symbols[symbol] = merged
        ranks[symbol] = Self.noRank
        ranks[right] = Self.noRank
        nexts[symbol] = Int32(truncatingIfNeeded: after)
        if after < count { previouses[after] = Int32(truncatingIfNeeded: symbol) }
    }

    private func siftUp() {
        heap.withUnsafeMutableBufferPointer { heap in
            var node = heap.count - 1
            let entry = heap[node]
            while node > 0 {
                let parent = (node - 1) / 4
                if heap[parent] <= entry { break }
                heap[node] = heap[parent]
                node = parent
            }
            heap[node] = entry
        }
    }

    private static func siftDown(_ heap: UnsafeMutableBufferPointer<UInt64>, from start: Int, _ count: Int) {
        guard let heap = heap.baseAddress else { return }
        var node = start
        let entry = heap[node]
        while true {
            let first = 4 * node + 1
            if first >= count { break }
            var child = first
            for other in first + 1..<max(min(first + 4, count), first + 1) where heap[other] < heap[child] {
                child = other
            }
            if heap[child] >= entry { break }
            heap[node] = heap[child]
            node = child
        }
        heap[node] = entry
    }

    private func allocate(_ count: Int) {
        symbols = .allocate(capacity: count)
        ranks = .allocate(capacity: count)
        nexts = .allocate(capacity: count)
        previouses = .allocate(capacity: count)
        capacity = count
    }

    private func release() {
        symbols.deallocate()
        ranks.deallocate()
        nexts.deallocate()
        previouses.deallocate()
    }
}
