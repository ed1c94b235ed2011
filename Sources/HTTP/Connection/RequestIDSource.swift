import CLinux

/// Request ids: the client's own when it is fit to be echoed, otherwise 32 random hexadecimal digits.
struct RequestIDSource {
    private static let bytesPerID = 16
    private let bytesMax: Int
    /// Random bytes not used yet: one system call serves several ids.
    private var pool: [UInt8] = []
    private var used = 0

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    func isTooLong(_ offered: ArraySlice<UInt8>?) -> Bool { offered.map { $0.count > bytesMax } ?? false }

    /// - Parameter offered: The value of the request's `x-request-id`.
    mutating func id(offered: ArraySlice<UInt8>?) -> String {
        if let offered, !offered.isEmpty, !isTooLong(offered),
            offered.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        {
            return String(decoding: offered, as: UTF8.self)
        }
        if used == pool.count { refill() }
        let bytes = pool[used..<used + Self.bytesPerID]
        used += Self.bytesPerID
        return String(unsafeUninitializedCapacity: 2 * Self.bytesPerID) { text in
            var place = 0
            for byte in bytes {
                text[place] = Self.digit(byte >> 4)
                text[place + 1] = Self.digit(byte & 15)
                place += 2
            }
            return place
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") - 10 + value
    }

    private mutating func refill() {
        pool = [UInt8](repeating: 0, count: 16 * Self.bytesPerID)
        used = 0
        // For at most 256 bytes it fails only before the system's first randomness.
        let count = pool.withUnsafeMutableBytes { apus_random($0.baseAddress, $0.count) }
        if count < 0 {
            var generator = SystemRandomNumberGenerator()
            for index in pool.indices { pool[index] = UInt8.random(in: 0...255, using: &generator) }
        }
    }
}
