import Glibc
import Synchronization

/// The time in log lines, UTC as in RFC 3339 with milliseconds: `2026-11-25T12:30:05.123Z`.
enum LogTimestamp {
    /// The part that changes once a second; calendars are slow.
    private static let cache = Mutex((second: -1, text: ""))

    static func now() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let toSecond = cache.withLock { cache in
            if cache.second != now.tv_sec { cache = (now.tv_sec, text(second: now.tv_sec)) }
            return cache.text
        }
        let milliseconds = now.tv_nsec / 1_000_000
        let padding = milliseconds < 10 ? ".00" : milliseconds < 100 ? ".0" : "."
        return "\(toSecond)\(padding)\(milliseconds)Z"
    }

    private static func text(second: Int) -> String {
        var second = second
        var parts = tm()
        gmtime_r(&second, &parts)
        var buffer = [CChar](repeating: 0, count: 32)
        let count = strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%S", &parts)
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
