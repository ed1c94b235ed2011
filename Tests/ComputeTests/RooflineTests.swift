import CKernels
import Compute
import TestSupport
import Testing

@Suite("The machine's bounds") struct RooflineTests {
    @Test("the reader reads every byte", arguments: [256, 4096, 65_536])
    func readsAll(_ count: Int) throws {
        let arena = try #require(Arena(byteCount: count))
        let words = arena.base.bindMemory(to: UInt64.self, capacity: count / 8)
        var random = SplitMix64(seed: UInt64(count))
        var expected: UInt64 = 0
        for word in 0..<count / 8 {
            words[word] = random.next()
            expected ^= words[word]
        }
        #expect(apus_roofline_read(arena.base, count) == expected)
    }

    @Test("more rounds take longer: the work is not optimised away")
    func multipliesAll() {
        func seconds(_ rounds: Int) -> Double {
            (0..<5).map { _ in
                let start = ContinuousClock.now
                let sum = apus_roofline_multiply(rounds)
                let time = (ContinuousClock.now - start) / .seconds(1)
                return sum == 1 ? time + 1e-12 : time
            }.min() ?? 0
        }
        let short = seconds(20_000)
        #expect(seconds(2_000_000) > 20 * short)
    }

    @Test("measuring again never makes the machine look slower")
    func measures() throws {
        let roofline = try #require(Roofline(threads: 1))
        roofline.measure()
        let first = (roofline.multiplyAddsPerSecond, roofline.bytesPerSecond)
        #expect(first.0 > 1e8 && first.1 > 1e8)
        roofline.measure()
        #expect(roofline.multiplyAddsPerSecond >= first.0 && roofline.bytesPerSecond >= first.1)
    }
}
