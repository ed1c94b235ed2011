import Glibc
import JSON
import Logging
import Testing

@testable import Service

@Suite struct LogTests {
    /// What a logger writes.
    private func written(_ format: LogFormat, _ use: (Logger) -> Void) throws -> String {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        let output = LogOutput(descriptor: ends[1])
        var configuration = ServiceConfiguration()
        configuration.logFormat = format
        use(ServiceLog.make(configuration, output: output))
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

    @Test func `lines below the level are not written`() throws {
        #expect(try written(.json) { $0.debug("quiet") } == "")
    }
}
