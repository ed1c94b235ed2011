import Testing

@testable import HTTP

@Suite("Connection clock")
struct ConnectionClockTests {
    private static let second: UInt64 = 1_000_000_000
    private static let start: UInt64 = 100 * second
    private let limits = HTTPLimits()

    /// The phase's deadline alone, in seconds after the start.
    private func seconds(_ clock: ConnectionClock) -> UInt64 {
        (clock.deadline(isWaiting: false, isEventStream: false) - Self.start) / Self.second
    }

    @Test("Each phase has its own deadline: absolute for a head, from the last byte for a body")
    func phases() {
        var clock = ConnectionClock(times: ConnectionTimes(limits), now: Self.start)
        clock.isIn(.idle, Self.start + Self.second)
        #expect(seconds(clock) == 10)
        clock.requestBegan(Self.start + 2 * Self.second)
        clock.isIn(.head, Self.start + 5 * Self.second)
        clock.isIn(.head, Self.start + 6 * Self.second)
        #expect(seconds(clock) == 12)
        clock.headEnded(Self.start + 6 * Self.second)
        clock.isIn(.body, Self.start + 6 * Self.second)
        #expect(seconds(clock) == 26)
        clock.bodyCame(bytes: 100, Self.start + 7 * Self.second)
        clock.isIn(.body, Self.start + 7 * Self.second)
        #expect(seconds(clock) == 27)
        clock.isIn(.serving, Self.start + 8 * Self.second)
        #expect(clock.deadline(isWaiting: false, isEventStream: false) == .max)
        clock.responseEnded(Self.start + 9 * Self.second)
        clock.isIn(.idle, Self.start + 9 * Self.second)
        #expect(seconds(clock) == 84)
        clock.isIn(.lingering, Self.start + 9 * Self.second)
        #expect(seconds(clock) == 11)
    }

    @Test("A body that comes more slowly than the mean rate is due at once, after its grace (check 82)")
    func bodyRate() {
        for (bytes, isDue) in [(5_499, true), (5_500, false)] {
            var clock = ConnectionClock(times: ConnectionTimes(limits), now: Self.start)
            clock.headEnded(Self.start)
            clock.isIn(.body, Self.start)
            clock.bodyCame(bytes: 0, Self.start + 10 * Self.second)
            #expect(clock.due(isWaiting: false, isEventStream: false, Self.start + 10 * Self.second) == nil)
            let now = Self.start + 11 * Self.second
            clock.bodyCame(bytes: bytes, now)
            #expect((clock.due(isWaiting: false, isEventStream: false, now) == .phase(.bodyRate)) == isDue)
        }
    }

    @Test("A client that takes nothing is due 30 s after it last took something (check 83)")
    func stall() {
        var clock = ConnectionClock(times: ConnectionTimes(limits), now: 0)
        clock.isIn(.serving, Self.start)
        clock.wrote(isFirst: true, Self.start)
        clock.wrote(isFirst: false, Self.start + 20 * Self.second)
        #expect(clock.due(isWaiting: true, isEventStream: true, Self.start + 30 * Self.second - 1) == nil)
        #expect(clock.due(isWaiting: true, isEventStream: true, Self.start + 30 * Self.second) == .write)
        clock.clientTook(Self.start + 29 * Self.second)
        #expect(clock.deadline(isWaiting: true, isEventStream: false) == Self.start + 59 * Self.second)
    }

    @Test("A silent event stream is due for a ping, another stream is not (check 95)")
    func ping() {
        var clock = ConnectionClock(times: ConnectionTimes(limits), now: 0)
        clock.isIn(.serving, Self.start)
        clock.wrote(isFirst: true, Self.start)
        let later = Self.start + 5 * Self.second
        #expect(clock.due(isWaiting: false, isEventStream: true, later - 1) == nil)
        #expect(clock.due(isWaiting: false, isEventStream: true, later) == .ping)
        #expect(clock.due(isWaiting: false, isEventStream: false, later) == nil)
    }

    @Test("An end of input is a half-close right behind the request, and a farewell later (check 87)")
    func halfClose() {
        var clock = ConnectionClock(times: ConnectionTimes(limits), now: 0)
        clock.servingBegan(Self.start)
        #expect(!clock.endMeansGone(Self.start + Self.second))
        #expect(clock.endMeansGone(Self.start + Self.second + 1))
    }

    @Test("The longest durations don't overflow a deadline")
    func extremes() {
        var limits = HTTPLimits()
        limits.keepAliveTimeout = .seconds(Int64.max)
        limits.headerTimeout = .seconds(-1)
        var clock = ConnectionClock(times: ConnectionTimes(limits), now: Self.start)
        #expect(clock.deadline(isWaiting: false, isEventStream: false) == Self.start)
        clock.responseEnded(Self.start)
        clock.isIn(.idle, Self.start)
        #expect(clock.deadline(isWaiting: false, isEventStream: false) > .max / 2)
    }
}
