import Synchronization

/// Counts arrivals, to find out who comes last. One counter each for a number of meeting places.
public final class Countdown: @unchecked Sendable {
    public let places: Int
    private let counters: UnsafeMutablePointer<Atomic<UInt32>>

    public init(places: Int) {
        self.places = places
        counters = .allocate(capacity: max(places, 1))
        for place in 0..<places { (counters + place).initialize(to: Atomic(0)) }
    }

    deinit {
        counters.deinitialize(count: places)
        counters.deallocate()
    }

    /// Whether the caller is the last of `total` that come to a place; then all that the others wrote is visible,
    /// and the place is ready for the next round.
    public func arrive(at place: Int, of total: Int) -> Bool {
        let counter = counters + place
        guard counter.pointee.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue == UInt32(total)
        else {
            return false
        }
        counter.pointee.store(0, ordering: .relaxed)
        return true
    }
}
