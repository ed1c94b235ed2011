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

    /// Connections of clients that cannot or will not speak TLS are no fault of the server: they come all the time.
    static func tls(_ event: TLSCredentials.Event, _ log: Logger) {
        switch event {
        case .reloaded(let summary): log.notice("the certificates changed", metadata: ["now": "\(summary)"])
        case .reloadFailed(let error):
            log.error(
                "the certificates changed and cannot be used; the old ones stay",
                metadata: ["error": "\(error)"])
        case .connectionFailed(let failure, let peer):
            log.debug("\(failure)", metadata: ["peer": "\(peer)"])
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
