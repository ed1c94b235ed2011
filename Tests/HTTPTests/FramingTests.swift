import Testing
import WireChecks

@testable import HTTP

private func post(_ fields: String, _ body: String = "") -> String {
    "POST / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n\(body)"
}

private func length(_ value: String) -> String { post("Content-Length:\(value)\r\n", "hello") }

private func coding(_ value: String) -> String {
    post("Transfer-Encoding:\(value)\r\n", "5\r\nhello\r\n0\r\n\r\n")
}

private let hello = "POST / [hello]"

@Suite("Framing of request bodies")
struct FramingTests {
    @Test(
        "Content-Length is read or refused as its check says, however it is cut",
        arguments: WireTables.lengths)
    func contentLength(_ wire: WireCase) {
        expectSame(wire)
    }

    @Test(
        "Transfer-Encoding is read or refused as its check says, however it is cut",
        arguments: WireTables.codings)
    func transferEncoding(_ wire: WireCase) {
        expectSame(wire)
    }

    @Test(
        "Chunks are read or refused as their check says, however they are cut", arguments: WireTables.chunks)
    func chunked(_ wire: WireCase) {
        expectSame(wire)
    }

    @Test("A body of the limit is taken, and one byte more is refused, announced or not (checks 46, 64)")
    func bodyLimit() {
        var limits = HTTPLimits()
        limits.bodyBytesMax = 5
        for text in [length(" 5"), coding(" chunked")] {
            #expect(Outcome.of([Array(text.utf8)[...]], limits: limits) == [hello, "idle"])
        }
        limits.bodyBytesMax = 4
        for text in [length(" 5"), coding(" chunked")] {
            #expect(Outcome.of([Array(text.utf8)[...]], limits: limits) == ["413"])
        }
    }

    @Test(
        "A chunked body is refused at the chunk that makes it too long, and no byte behind it is looked at (check 64)"
    )
    func manyChunks() {
        var limits = HTTPLimits()
        limits.bodyBytesMax = 8_990
        let head = Array(coding(" chunked").utf8.prefix { $0 != UInt8(ascii: "5") })
        let chunk = Array("a\r\n0123456789\r\n".utf8)
        let bytes = head + Array(repeating: chunk, count: 1_000).joined()
        var used = 0
        let outcome = Outcome([bytes[...]], limits: limits, used: &used)
        #expect(outcome.lines == ["413"])
        #expect(outcome.limit == .bodyBytes)
        #expect(used == head.count + 899 * chunk.count + 3)
    }
}
