import Testing
import WireChecks

@testable import HTTP

private let host = "Host: h\r\n\r\n"

@Suite("Request lines")
struct RequestLineTests {
    @Test(
        "A request line is read or refused as its check says, however it is cut",
        arguments: WireTables.requestLines)
    func check(_ wire: WireCase) {
        expectSame(wire)
    }

    @Test("A request line of the limit is taken and one byte more is not")
    func limit() {
        var limits = HTTPLimits()
        limits.requestLineBytesMax = 20
        let fits = Array("GET /1234567 HTTP/1.1\r\n\(host)".utf8)
        #expect(Outcome.of([fits[...]], limits: limits) == ["414"])
        limits.requestLineBytesMax = 21
        #expect(Outcome.of([fits[...]], limits: limits) == ["GET /1234567", "idle"])
    }
}
