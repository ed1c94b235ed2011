import HTTP
import JSON
import Logging

/// One line for one request, at level `info`.
///
/// Lines for programs are what `JSONLogHandler` would write, made without a dictionary of metadata: a server that answers
/// tens of thousands of requests a second would spend more on that than on the requests.
struct AccessLog: Sendable {
    private let log: Logger
    private let output: LogOutput
    private let isForPeople: Bool

    init(_ configuration: ServiceConfiguration, _ log: Logger, output: LogOutput = .standardError) {
        self.log = log
        self.output = output
        isForPeople = ServiceLog.isForPeople(configuration, output)
    }

    func record(_ summary: RequestSummary) {
        guard log.logLevel <= .info else { return }
        if isForPeople {
            log.info("request", metadata: Self.metadata(summary))
        } else {
            output.write(Self.line(summary))
        }
    }

    private static func metadata(_ summary: RequestSummary) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "id": "\(summary.id)",
            "peer": "\(summary.peer)",
            "method": "\(method(summary))",
            "path": "\(summary.path)",
            "status": .stringConvertible(status(summary)),
            "bytes": .stringConvertible(summary.bodyBytes),
            "ms": .stringConvertible(milliseconds(summary)),
            "complete": .stringConvertible(summary.isComplete),
        ]
        if let client = summary.client { metadata["key"] = "\(client)" }
        return metadata
    }

    private static func line(_ summary: RequestSummary) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 384)
        writer.beginObject()
        writer.key("time")
        writer.string(LogTimestamp.now())
        writer.key("level")
        writer.string("info")
        writer.key("message")
        writer.string("request")
        writer.key("bytes")
        writer.int(summary.bodyBytes)
        writer.key("complete")
        writer.bool(summary.isComplete)
        writer.key("id")
        writer.string(summary.id)
        if let client = summary.client {
            writer.key("key")
            writer.string(client)
        }
        writer.key("method")
        writer.string(method(summary))
        writer.key("ms")
        writer.number(milliseconds(summary))
        writer.key("path")
        writer.string(summary.path)
        writer.key("peer")
        writer.string(summary.peer)
        writer.key("status")
        writer.int(status(summary))
        writer.endObject()
        writer.endLine()
        return writer.bytes
    }

    private static func method(_ summary: RequestSummary) -> String { summary.method?.rawValue ?? "-" }

    /// 499, as nginx has it, for a client that was gone before any answer.
    private static func status(_ summary: RequestSummary) -> Int { summary.status?.code ?? 499 }

    private static func milliseconds(_ summary: RequestSummary) -> Double {
        Double(summary.durationNanoseconds / 10_000) / 100
    }
}
