import Synchronization

/// Encoders at rest. A call takes one for itself and brings it back, so that what it has learnt about words
/// stays, and no lock is held while text is encoded.
final class EncoderPool: Sendable {
    /// More than this many at once are made and thrown away.
    private static let encodersKept = 8

    private let make: @Sendable () -> any TextEncoder
    private let resting = Mutex<[Resting]>([])

    /// An encoder is used by one thread at a time, and passes from one to the other through the lock.
    private struct Resting: @unchecked Sendable {
        let encoder: any TextEncoder
    }

    init(make: @escaping @Sendable () -> any TextEncoder) {
        self.make = make
    }

    func withEncoder<Result>(_ body: (any TextEncoder) -> Result) -> Result {
        let encoder = resting.withLock { $0.popLast() }?.encoder ?? make()
        let result = body(encoder)
        let rested = Resting(encoder: encoder)
        resting.withLock { if $0.count < Self.encodersKept { $0.append(rested) } }
        return result
    }
}
