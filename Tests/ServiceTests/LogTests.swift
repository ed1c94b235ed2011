import Glibc
import HTTP
import JSON
import Logging
import Testing

@testable import Service

@Suite struct LogTests {
    /// What a logger writes.
    private func written(_ format: LogFormat, _ use: (Logger) -> Void) throws -> String {
        var configuration = ServiceConfiguration()
        configuration.logFormat = format
        return try written { use(ServiceLog.make(configuration, output: $0)) }
    }

    private func written(_ use: (LogOutput) -> Void) throws -> String {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        let output = LogOutput(descriptor: ends[1])
        use(output)
        output.flush()
        close(ends[1])
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = read(ends[0], &buffer, buffer.count)
        return String(decoding: buffer[..<max(0, count)], as: UTF8.self)
    }

    @Test func `a JSON line holds the message and typed metadata`() throws {
        let text = try written(.json) {
            $0.info("said \"hi\"\n", metadata: ["port": .stringConvertible(80), "a": "b"])
        }
        #expect(text.hasSuffix("}\n"))
        let line = try JSONValue.parse(String(text.dropLast()))
        #expect(line["message"] == "said \"hi\"\n")
        #expect(line["level"] == "info")
        #expect(line["port"] == 80)
        #expect(line["a"] == "b")
        #expect(line["time"]?.string?.contains(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) == true)
    }

    @Test func `a console line is one line whatever comes in`() throws {
        let text = try written(.console) { $0.warning("two\nlines \u{1B}[31m", metadata: ["id": "x\r\ny"]) }
        #expect(text.contains(/^\d\d:\d\d:\d\d\.\d{3} warning  two\?lines \?\[31m id=x\?\?y\n$/))
    }

    @Test func `lines beyond what may wait are dropped and counted`() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        let output = LogOutput(descriptor: ends[1], waitingBytesMax: 8, gatheringTime: .seconds(60))
        // Seven bytes wait when the second line comes, fourteen when the third does.
        for line in ["first.\n", "second\n", "third.\n", "fourth\n"] { output.write(Array(line.utf8)) }
        output.flush()
        output.write(Array("fifth.\n".utf8))
        output.flush()
        close(ends[1])
        var buffer = [UInt8](repeating: 0, count: 1_024)
        let count = read(ends[0], &buffer, buffer.count)
        #expect(
            String(decoding: buffer[..<max(0, count)], as: UTF8.self)
                == "first.\nsecond\n2 log lines were dropped\nfifth.\n")
    }

    @Test func `an access line says what was asked and how it ended, in both formats`() throws {
        let summary = RequestSummary(
            id: "a\"b", peer: "192.0.2.1:4711", client: "alice", method: .get, path: "/v1/models",
            status: .ok, bodyBytes: 12,
            durationNanoseconds: 1_250_000, isComplete: true)
        for format in [LogFormat.json, .console] {
            var configuration = ServiceConfiguration()
            configuration.logFormat = format
            let text = try written { output in
                let log = ServiceLog.make(configuration, output: output)
                AccessLog(configuration, log, output: output).record(summary)
            }
            if format == .console {
                #expect(
                    text.hasSuffix(
                        " bytes=12 complete=true id=a\"b key=alice method=GET ms=1.25 path=/v1/models peer=192.0.2.1:4711 status=200\n"
                    ))
                continue
            }
            #expect(text.hasSuffix("}\n"))
            let line = try JSONValue.parse(String(text.dropLast()))
            #expect(line["message"] == "request")
            #expect(line["level"] == "info")
            #expect(line["id"] == "a\"b")
            #expect(line["peer"] == "192.0.2.1:4711")
            #expect(line["key"] == "alice")
            #expect(line["method"] == "GET")
            #expect(line["path"] == "/v1/models")
            #expect(line["status"] == 200)
            #expect(line["bytes"] == 12)
            #expect(line["ms"] == 1.25)
            #expect(line["complete"] == true)
        }
    }

    @Test func `a request is no news where only notices are wanted`() throws {
        var configuration = ServiceConfiguration()
        configuration.logFormat = .json
        configuration.logLevel = .notice
        let summary = RequestSummary(
            id: "i", peer: "p", method: nil, path: "", status: nil, bodyBytes: 0, durationNanoseconds: 0,
            isComplete: false)
        let text = try written { output in
            let log = ServiceLog.make(configuration, output: output)
            AccessLog(configuration, log, output: output).record(summary)
        }
        #expect(text == "")
    }

    @Test func `lines below the level are not written`() throws {
        #expect(try written(.json) { $0.debug("quiet") } == "")
    }
}
