import HTTP
import Logging

/// The loggers of a process.
enum ServiceLog {
    static func make(_ configuration: ServiceConfiguration, output: LogOutput = .standardError) -> Logger {
        let isForPeople =
            switch configuration.logFormat {
            case .auto: output.isTerminal
            case .console: true
            case .json: false
            }
        let level = configuration.logLevel
        return Logger(label: "apus") { _ in
            if isForPeople { return ConsoleLogHandler(level: level, output: output) }
            return JSONLogHandler(level: level, output: output)
        }
    }

    /// One line for one request.
    static func access(_ summary: RequestSummary, _ log: Logger) {
        log.info(
            "request",
            metadata: [
                "id": "\(summary.id)",
                "peer": "\(summary.peer)",
                "method": "\(summary.method?.rawValue ?? "-")",
                "path": "\(summary.path)",
                "status": .stringConvertible(summary.status?.code ?? 499),
                "bytes": .stringConvertible(summary.bodyBytes),
                "ms": .stringConvertible(Double(summary.durationNanoseconds / 10_000) / 100),
                "complete": .stringConvertible(summary.isComplete),
            ])
    }
}
