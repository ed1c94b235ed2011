/// A binary heap of integers, smallest first.
struct Heap<Element: FixedWidthInteger> {
    private var elements: [Element] = []

    var first: Element? { elements.first }

    mutating func push(_ element: Element) {
        elements.append(element)
        var node = elements.count - 1
        while node > 0 {
            let parent = (node - 1) / 2
            if elements[parent] <= element { break }
            elements[node] = elements[parent]
            node = parent
        }
        elements[node] = element
    }

    /// Removes the smallest element, if there is one.
    mutating func removeFirst() {
        guard let element = elements.popLast(), !elements.isEmpty else { return }
        var node = 0
        while true {
            var child = 2 * node + 1
            if child >= elements.count { break }
            if child + 1 < elements.count && elements[child + 1] < elements[child] { child += 1 }
            if elements[child] >= element { break }
            elements[node] = elements[child]
            node = child
        }
        elements[node] = element
    }
}
