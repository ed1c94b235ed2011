/// A doubly linked list over block ids: adding at the end, removing anywhere and taking the first cost O(1).
///
/// A block is in it at most once.
struct BlockList {
    private static let none: Int32 = -1

    private(set) var count = 0
    private var first = none
    private var last = none
    /// [block]
    private var next: [Int32]
    private var previous: [Int32]

    init(blockCount: Int) {
        next = Array(repeating: Self.none, count: blockCount)
        previous = next
    }

    mutating func append(_ block: Int32) {
        precondition(!contains(block), "a block is twice in a list")
        previous[Int(block)] = last
        if last == Self.none { first = block } else { next[Int(last)] = block }
        last = block
        count += 1
    }

    mutating func remove(_ block: Int32) {
        precondition(contains(block), "removed a block that is not in the list")
        let (before, after) = (previous[Int(block)], next[Int(block)])
        if before == Self.none { first = after } else { next[Int(before)] = after }
        if after == Self.none { last = before } else { previous[Int(after)] = before }
        (previous[Int(block)], next[Int(block)]) = (Self.none, Self.none)
        count -= 1
    }

    mutating func popFirst() -> Int32? {
        guard first != Self.none else { return nil }
        let block = first
        remove(block)
        return block
    }

    func contains(_ block: Int32) -> Bool { previous[Int(block)] != Self.none || first == block }
}
