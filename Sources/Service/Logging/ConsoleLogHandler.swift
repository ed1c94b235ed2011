import Glibc
import Logging

/// Log lines for people: `12:30:05.123 info  ready url=http://127.0.0.1:8080`.
struct ConsoleLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    private let output: LogOutput

    init(level: Logger.Level, output: LogOutput) {
        logLevel = level
        self.output = output
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let level = event.level.rawValue
        let padding = String(repeating: " ", count: max(0, 8 - level.count))
        var line = "\(Self.clock()) \(level)\(padding) \(event.message)"
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(value)" }
        output.write(Array(Self.oneLine(line).utf8) + [UInt8(ascii: "\n")])
    }

    /// What comes from outside must not forge lines or move the cursor.
    private static func oneLine(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }))
    }

    private static func clock() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        localtime_r(&now.tv_sec, &parts)
        func digits(_ value: Int, _ count: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        let time = [parts.tm_hour, parts.tm_min, parts.tm_sec].map { digits(Int($0), 2) }.joined(
            separator: ":")
        return time + "." + digits(now.tv_nsec / 1_000_000, 3)
    }
}
