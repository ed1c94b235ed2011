/// Requests that wait for admission: of each key in order of rank.
struct WaitingQueue {
    /// [key]: the last one goes first.
    private var groups: [String: [SequenceGroup]] = [:]
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func insert(_ group: SequenceGroup) {
        let place = groups[group.request.key]?.partitioningIndex { Self.rank($0) < Self.rank(group) } ?? 0
        groups[group.request.key, default: []].insert(group, at: place)
        count += 1
    }

    /// The first request of the key that has been given least.
    func next(_ shares: FairShares) -> SequenceGroup? {
        groups.values.lazy.compactMap(\.last).min { a, b in
            let (first, second) = (shares.columns(a.request.key), shares.columns(b.request.key))
            return first == second ? Self.rank(a) < Self.rank(b) : first < second
        }
    }

    mutating func remove(_ group: SequenceGroup) {
        guard let index = groups[group.request.key]?.lastIndex(where: { $0 === group }) else { return }
        groups[group.request.key]?.remove(at: index)
        if groups[group.request.key]?.isEmpty == true { groups[group.request.key] = nil }
        count -= 1
    }

    /// Of the group as a whole: which of its choices leads makes no difference.
    private static func rank(_ group: SequenceGroup) -> Rank {
        Rank(arrivedAt: group.arrivedAt, priority: group.request.priority, id: group.id, choice: 0)
    }
}

extension Array {
    /// The first index whose element belongs to the second part of an array that is partitioned so.
    func partitioningIndex(_ belongsToSecond: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if belongsToSecond(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
