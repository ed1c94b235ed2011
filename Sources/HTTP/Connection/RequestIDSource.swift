import CLinux

/// Request ids: the client's own when it is fit to be echoed, otherwise 32 random hexadecimal digits.
struct RequestIDSource {
    private static let bytesPerID = 16
    private static let digits = Array("0123456789abcdef".utf8)
    private let bytesMax: Int
    /// Random bytes not used yet: one system call serves several ids.
    private var pool: [UInt8] = []

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
        if pool.isEmpty { refill() }
        return String(unsafeUninitializedCapacity: 2 * Self.bytesPerID) { text in
            for index in 0..<Self.bytesPerID {
                let byte = pool.removeLast()
                text[2 * index] = Self.digits[Int(byte >> 4)]
                text[2 * index + 1] = Self.digits[Int(byte & 15)]
            }
            return 2 * Self.bytesPerID
        }
    }

    private mutating func refill() {
        pool = [UInt8](repeating: 0, count: 16 * Self.bytesPerID)
        // For at most 256 bytes it fails only before the system's first randomness.
        let count = pool.withUnsafeMutableBytes { apus_random($0.baseAddress, $0.count) }
        if count < 0 {
            var generator = SystemRandomNumberGenerator()
            for index in pool.indices { pool[index] = UInt8.random(in: 0...255, using: &generator) }
        }
    }
}
