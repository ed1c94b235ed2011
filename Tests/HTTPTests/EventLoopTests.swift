import Glibc
import Synchronization
import Testing

@testable import HTTP

@Suite("I/O loop")
struct EventLoopTests {
    private final class Log: Sendable {
        private let entries = Mutex<[String]>([])
        func add(_ entry: String) { entries.withLock { $0.append(entry) } }
        var all: [String] { entries.withLock { $0 } }

        /// False after ten seconds.
        func reaches(_ count: Int) -> Bool {
            for _ in 0..<10_000 where all.count < count { usleep(1_000) }
            return all.count >= count
        }
    }

    @Test("A task that prefers the loop runs there, in turn with what is posted")
    func executor() async throws {
        let (loop, log) = (try EventLoop(), Log())
        await withTaskExecutorPreference(loop) {
            loop.post { log.add("posted") }
            usleep(20_000)
            log.add("task")
            await Task.yield()
            log.add("later")
        }
        #expect(log.all == ["task", "posted", "later"])
    }

    @Test("Who waits for the loop does not wait for its patience, however often something comes")
    func visitors() throws {
        let (loop, log) = (try EventLoop(), Log())
        loop.post { log.add("woken") }
        #expect(log.reaches(1))
        let began = ContinuousClock.now
        for _ in 0..<20 { loop.sync { log.add("visitor") } }
        #expect(log.all.count == 21)
        #expect(ContinuousClock.now - began < .seconds(2), "each takes a turn's patience")
    }

    @Test("Posts that are gathered wake every loop when the last has been made")
    func gathering() throws {
        let (loops, log) = ([try EventLoop(), try EventLoop()], Log())
        LoopWakeups.gather {
            for number in 0..<4 { loops[number % 2].post { log.add("\(number)") } }
            usleep(20_000)
            #expect(log.all.isEmpty)
        }
        #expect(log.reaches(4))
        #expect(log.all.filter { $0 == "0" || $0 == "2" } == ["0", "2"])
        #expect(log.all.filter { $0 == "1" || $0 == "3" } == ["1", "3"])
        // Afterwards a post wakes by itself again.
        loops[0].post { log.add("4") }
        #expect(log.reaches(5))
    }
}
