import CKernels

/// What this machine can do at most, measured: a model's speed is a fraction of it.
///
/// Other load on the machine only ever lowers a figure, so each is the best of many short passes, and `measure`
/// may be called again to improve it.
public final class Roofline {
    /// 8-bit multiply-adds a second on all threads: the bound of prefill.
    public private(set) var multiplyAddsPerSecond = 0.0
    /// Bytes a second that all threads read from memory on huge pages: the bound of decoding one sequence.
    public private(set) var bytesPerSecond = 0.0

    private let pool: ThreadPool
    /// Far larger than the last-level cache.
    private let memory: Arena
    private static let threadBytes = 128 << 20
    private static let rounds = 2_000_000
    private static let passes = 8

    /// - Returns: nil when the system refuses the memory that is read, 128 MiB a thread.
    public init?(threads: Int) {
        pool = ThreadPool(count: threads)
        guard let memory = Arena(byteCount: pool.count * Self.threadBytes) else { return nil }
        self.memory = memory
        // Pages that were never written are all the same page of zeros.
        pool.run { thread in
            (memory.base + thread * Self.threadBytes).initializeMemory(
                as: UInt8.self, repeating: 1, count: Self.threadBytes)
        }
    }

    public func measure() {
        let sink = Buffer<UInt64>(pool.count * 16)  // a cache line for each thread
        let base = memory.base
        for _ in 0..<Self.passes {
            let multiplying = seconds {
                sink.pointer[$0 * 16] &+= apus_roofline_multiply(Self.rounds)
            }
            let multiplyAdds = Double(pool.count * Self.rounds) * Double(APUS_ROOFLINE_ROUND)
            multiplyAddsPerSecond = max(multiplyAddsPerSecond, multiplyAdds / multiplying)
            let reading = seconds {
                sink.pointer[$0 * 16] &+= apus_roofline_read(base + $0 * Self.threadBytes, Self.threadBytes)
            }
            bytesPerSecond = max(bytesPerSecond, Double(pool.count * Self.threadBytes) / reading)
        }
    }

    private func seconds(_ work: (Int) -> Void) -> Double {
        let start = ContinuousClock.now
        pool.run(work)
        return max(1e-9, (ContinuousClock.now - start) / .seconds(1))
    }
}
