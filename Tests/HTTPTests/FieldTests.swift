import Testing
import WireChecks

@testable import HTTP

private let line = "GET / HTTP/1.1\r\n"

private func with(_ fields: String) -> String { "\(line)Host: h\r\n\(fields)\r\n" }

@Suite("Header fields")
struct FieldTests {
    @Test(
        "Fields are read or refused as their check says, however they are cut", arguments: WireTables.fields)
    func check(_ wire: WireCase) {
        expectSame(wire)
    }

    @Test("Each limit of the header section holds at its value and refuses one past it (check 32)")
    func limits() {
        let bytes = Array("\(line)Host: h\r\nX: 12345\r\n\r\n".utf8)
        for (field, limit) in [
            (\HTTPLimits.fieldLineBytesMax, 8), (\HTTPLimits.headerBytesMax, 15),
            (\HTTPLimits.fieldCountMax, 2),
        ] {
            var limits = HTTPLimits()
            limits[keyPath: field] = limit
            #expect(Outcome.of([bytes[...]], limits: limits) == ["GET /", "idle"], "\(limit)")
            limits[keyPath: field] = limit - 1
            #expect(Outcome.of([bytes[...]], limits: limits) == ["431"], "\(limit - 1)")
        }
    }

    @Test("All lines are kept, in order, and found without regard to case")
    func order() throws {
        var parser = RequestParser(limits: HTTPLimits())
        var position = 0
        let bytes = Array(with("X-A: 1\r\nx-b:  2 \r\nX-a: 3\r\n").utf8)
        guard case .head(let head)? = try parser.next(bytes, &position) else {
            Issue.record("no head")
            return
        }
        #expect(head.fields.map(\.name) == ["Host", "X-A", "x-b", "X-a"])
        #expect(head.fields.values(of: "x-A") == ["1", "3"])
        #expect(head.fields["X-B"] == "2")
        #expect(head.fields["x-c"] == nil)
        // The Kelvin sign is no k.
        #expect(!HTTPFields(dictionaryLiteral: ("k", "1")).contains("\u{212A}"))
    }
}
