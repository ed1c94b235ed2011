/// The free blocks that keep their contents, in the order in which they are to go: the one with the least worth
/// first, and of equal ones the one that was released longest ago.
///
/// A binary heap that knows where each block is in it: adding, removing and taking the first cost O(log n).
struct KeptBlocks {
    private struct Entry {
        var slot: Int
        var worth: Double
        var order: UInt64

        static func < (a: Entry, b: Entry) -> Bool { (a.worth, a.order) < (b.worth, b.order) }
    }

    private static let none: Int32 = -1

    private var heap: [Entry] = []
    /// [slot]: its index in the heap.
    private var places: [Int32]
    private var added: UInt64 = 0

    /// - Parameter slotCount: blocks are known by the slots 0 ..< slotCount.
    init(slotCount: Int) {
        places = Array(repeating: Self.none, count: slotCount)
    }

    var count: Int { heap.count }

    mutating func add(_ slot: Int, worth: Double) {
        precondition(places[slot] == Self.none, "a block is kept twice")
        added += 1
        heap.append(Entry(slot: slot, worth: worth, order: added))
        rise(heap.count - 1)
    }

    mutating func remove(_ slot: Int) {
        let place = Int(places[slot])
        precondition(place >= 0, "removed a block that is not kept")
        places[slot] = Self.none
        let last = heap.removeLast()
        guard place < heap.count else { return }
        heap[place] = last
        rise(place)
        sink(Int(places[last.slot]))
    }

    mutating func popFirst() -> (slot: Int, worth: Double)? {
        guard let first = heap.first else { return nil }
        remove(first.slot)
        return (first.slot, first.worth)
    }

    private mutating func rise(_ start: Int) {
        let entry = heap[start]
        var place = start
        while place > 0, entry < heap[(place - 1) / 2] {
            put(heap[(place - 1) / 2], at: place)
            place = (place - 1) / 2
        }
        put(entry, at: place)
    }

    private mutating func sink(_ start: Int) {
        let entry = heap[start]
        var place = start
        while true {
            var child = 2 * place + 1
            if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
            guard child < heap.count, heap[child] < entry else { break }
            put(heap[child], at: place)
            place = child
        }
        put(entry, at: place)
    }

    private mutating func put(_ entry: Entry, at place: Int) {
        heap[place] = entry
        places[entry.slot] = Int32(truncatingIfNeeded: place)
    }
}
