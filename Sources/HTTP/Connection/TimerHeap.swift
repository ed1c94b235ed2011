/// Something with one deadline.
protocol TimerTarget: AnyObject {
    /// Where the target stands in the heap; nil when it is not in it. Moved by the heap alone.
    var timerSlot: Int? { get set }
    func deadlineReached(now: UInt64)
}

/// Deadlines in the order of their coming: a binary heap whose members know their places, so that moving and
/// removing one takes O(log n), and a closed connection leaves nothing behind.
struct TimerHeap {
    private struct Item {
        var deadline: UInt64
        var target: any TimerTarget
    }

    private var items: [Item] = []

    var count: Int { items.count }
    /// In nanoseconds.
    var earliest: UInt64? { items.first?.deadline }

    /// - Parameter deadline: In nanoseconds; nil removes the target.
    mutating func set(_ target: any TimerTarget, _ deadline: UInt64?) {
        switch (target.timerSlot, deadline) {
        case (nil, nil): break
        case (nil, let deadline?):
            items.append(Item(deadline: deadline, target: target))
            target.timerSlot = items.count - 1
            rise(items.count - 1)
        case (let slot?, nil): remove(slot)
        case (let slot?, let deadline?):
            items[slot].deadline = deadline
            rise(slot)
            sink(target.timerSlot ?? slot)
        }
    }

    /// Takes out one target whose deadline has come.
    mutating func popExpired(now: UInt64) -> (any TimerTarget)? {
        guard let first = items.first, first.deadline <= now else { return nil }
        remove(0)
        return first.target
    }

    private mutating func remove(_ slot: Int) {
        items[slot].target.timerSlot = nil
        let last = items.removeLast()
        guard slot < items.count else { return }
        items[slot] = last
        last.target.timerSlot = slot
        rise(slot)
        sink(last.target.timerSlot ?? slot)
    }

    private mutating func rise(_ slot: Int) {
        var slot = slot
        while slot > 0, items[slot].deadline < items[(slot - 1) / 2].deadline {
            exchange(slot, (slot - 1) / 2)
            slot = (slot - 1) / 2
        }
    }

    private mutating func sink(_ slot: Int) {
        var slot = slot
        while true {
            var smallest = slot
            for child in [2 * slot + 1, 2 * slot + 2]
            where child < items.count && items[child].deadline < items[smallest].deadline {
                smallest = child
            }
            if smallest == slot { return }
            exchange(slot, smallest)
            slot = smallest
        }
    }

    private mutating func exchange(_ one: Int, _ other: Int) {
        items.swapAt(one, other)
        items[one].target.timerSlot = one
        items[other].target.timerSlot = other
    }
}
