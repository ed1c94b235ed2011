/// Bytes that wait for the client, taken from the front as the socket takes them.
struct OutboundBuffer {
    /// Kept for what is written next; a connection that is idle, or a stream that waits, should hold little.
    static let keptCapacityMax = 4_096

    /// Where the machine appends.
    var bytes: [UInt8] = []
    private var sent = 0

    /// Bytes that wait.
    var count: Int { bytes.count - sent }
    var isEmpty: Bool { sent == bytes.count }

    func withWaiting<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
    }

    mutating func drop(_ count: Int) {
        sent += count
        if isEmpty {
            bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptCapacityMax)
            sent = 0
        } else if sent > bytes.count / 2 {
            bytes.removeFirst(sent)
            sent = 0
        }
    }
}
