import Logging

/// The loggers of a process.
enum ServiceLog {
    static func make(_ configuration: ServiceConfiguration, output: LogOutput = .standardError) -> Logger {
        let isForPeople = isForPeople(configuration, output)
        let level = configuration.logLevel
        return Logger(label: "apus") { _ in
            if isForPeople { return ConsoleLogHandler(level: level, output: output) }
            return JSONLogHandler(level: level, output: output)
        }
    }

    static func isForPeople(_ configuration: ServiceConfiguration, _ output: LogOutput) -> Bool {
        switch configuration.logFormat {
        case .auto: output.isTerminal
        case .console: true
        case .json: false
        }
    }
}
