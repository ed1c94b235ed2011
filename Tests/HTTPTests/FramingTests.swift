import Testing

@testable import HTTP

private func post(_ fields: String, _ body: String = "") -> String {
    "POST / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n\(body)"
}

private func length(_ value: String) -> String { post("Content-Length:\(value)\r\n", "hello") }

private func coding(_ value: String) -> String {
    post("Transfer-Encoding:\(value)\r\n", "5\r\nhello\r\n0\r\n\r\n")
}

private func chunks(_ body: String) -> String { post("Transfer-Encoding: chunked\r\n", body) }

private func chunkSize(_ size: String) -> WireCase {
    WireCase(57, "chunk size \(size)", chunks("\(size)\r\nhello\r\n0\r\n\r\n"), "400")
}

private let hello = "POST / [hello]"

private let lengthCases: [WireCase] =
    [
        " abc", " +5", " -1", " -0", " 0x5", " 0o5", " 1_0", " 1 0", "", " ", " 5;a", " 99999999999999999999",
        " 9223372036854775808", " 5, 10", " 5, 5", " 005", " 0200", " 00",
    ].map { WireCase(40, "Content-Length\($0)", length($0), "400") } + [
        WireCase(41, "two lengths", post("Content-Length: 5\r\nContent-Length: 10\r\n", "hello"), "400"),
        WireCase(42, "one length twice", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), "400"),
        WireCase(44, "a tab before the length", length("\t5"), hello, "idle"),
        WireCase(44, "a space after the length", length(" 5 "), hello, "idle"),
        WireCase(45, "half a body", post("Content-Length: 10\r\n", "hello"), "waits"),
        WireCase(46, "too long a body", post("Content-Length: 999999999\r\n"), "413"),
        WireCase(47, "neither length nor coding", post(""), "POST /", "idle"),
        WireCase(
            49, "a request behind an empty body",
            post("Content-Length: 0\r\n", "GET /x HTTP/1.1\r\nHost: h\r\n\r\n"), "POST /", "GET /x", "idle"),
    ]

private let codingCases: [WireCase] =
    [" xchunked", " gzip", " gzip, chunked"].map { WireCase(51, "Transfer-Encoding\($0)", coding($0), "501") }
    + [
        " chunked, gzip", " chunked, chunked", " identity", "", " chunked;p=v", " , chunked", " chunked,",
        " chunked gzip",
    ].map { WireCase(52, "Transfer-Encoding\($0)", coding($0), "400") }
    + [" \u{b}chunked", " \u{c}chunked", " chunked\0", " \"chunked\"", "\r\n chunked"].map {
        WireCase(53, "Transfer-Encoding\($0)", coding($0), "400")
    }
    + [" Chunked", "\tchunked", " chunked "].map {
        WireCase(54, "Transfer-Encoding\($0)", coding($0), hello, "idle")
    }
    + [
        WireCase(
            50, "a length and a coding", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "hello"),
            "400"),
        WireCase(
            50, "a coding and a length", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "hello"),
            "400"),
        WireCase(
            52, "two codings", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), "400"),
        WireCase(53, "a space after the name", post("Transfer-Encoding : chunked\r\n"), "400"),
        WireCase(55, "HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
    ]

private let chunkCases: [WireCase] =
    [
        "-1", "+5", "0x5", "1_0", " 5", "5 ", "", "G", "00000000000000005", "FFFFFFFFFFFFFFFF",
        "7FFFFFFFFFFFFFFFF",
    ].map(
        chunkSize) + [
        WireCase(56, "one chunk", chunks("5\r\nhello\r\n0\r\n\r\n"), hello, "idle"),
        WireCase(56, "A", chunks("A\r\n0123456789\r\n0\r\n\r\n"), "POST / [0123456789]", "idle"),
        WireCase(56, "a", chunks("a\r\n0123456789\r\n0\r\n\r\n"), "POST / [0123456789]", "idle"),
        WireCase(56, "16 digits", chunks("0000000000000005\r\nhello\r\n0\r\n\r\n"), hello, "idle"),
        WireCase(56, "several chunks", chunks("2\r\nhe\r\n3\r\nllo\r\n00\r\n\r\n"), hello, "idle"),
        WireCase(57, "a huge size", chunks("7FFFFFFFFFFFFFFF\r\n"), "413"),
        WireCase(58, "an extension", chunks("5;ext=value\r\nhello\r\n0\r\n\r\n"), hello, "idle"),
        WireCase(58, "a quoted one", chunks("5;a=\"b;c\\\"\"\r\nhello\r\n0;x\r\n\r\n"), hello, "idle"),
        WireCase(59, "an empty extension", chunks("5;\r\nhello\r\n0\r\n\r\n"), "400"),
        WireCase(59, "a bad one", chunks("5;bad[=x\r\nhello\r\n0\r\n\r\n"), "400"),
        WireCase(59, "one that is not closed", chunks("5;a=\"b\r\nhello\r\n0\r\n\r\n"), "400"),
        WireCase(59, "NUL in one", chunks("5;a\0\r\nhello\r\n0\r\n\r\n"), "400"),
        WireCase(59, "CR in one", chunks("5;a\rX\r\nhello\r\n0\r\n\r\n"), "400"),
        WireCase(59, "LF in one", chunks("5;\nhello\r\n0\r\n\r\n"), "400"),
        WireCase(60, "a long one", chunks("5;\(String(repeating: "a", count: 65_536))\r\n"), "400"),
        WireCase(60, "many of them", chunks(String(repeating: "9;a\r\n123456789\r\n", count: 9_000)), "400"),
        WireCase(61, "data ended by LF", chunks("5\r\nhello\n0\r\n\r\n"), "400"),
        WireCase(61, "too much data", chunks("5\r\nhello!!\r\n0\r\n\r\n"), "400"),
        WireCase(61, "no line end after the data", chunks("5\r\nhello0\r\n\r\n"), "400"),
        WireCase(61, "LF after the last chunk", chunks("5\r\nhello\r\n0\r\n\n"), "400"),
        WireCase(61, "LF after a size", chunks("5\nhello\r\n0\r\n\r\n"), "400"),
        WireCase(62, "no last chunk", chunks("5\r\nhello\r\n"), "waits"),
        WireCase(
            63, "trailers", chunks("5\r\nhello\r\n0\r\nX-Sum: a\r\nContent-Length: 3\r\n\r\n"), hello, "idle"),
        WireCase(63, "a bad trailer", chunks("0\r\nX Sum: a\r\n\r\n"), "400"),
        WireCase(63, "long trailers", chunks("0\r\nX: \(String(repeating: "a", count: 9_000))"), "431"),
        WireCase(63, "many trailers", chunks("0\r\n\(String(repeating: "a: b\r\n", count: 33))"), "431"),
        WireCase(60, "many tiny chunks", chunks(String(repeating: "1\r\na\r\n", count: 1_001)), "400"),
        WireCase(
            66, "a request behind the last chunk",
            chunks("5\r\nhello\r\n0\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n"), hello, "GET /x", "idle"),
    ]

@Suite("Framing of request bodies")
struct FramingTests {
    @Test("Content-Length is read or refused as its check says, however it is cut", arguments: lengthCases)
    func contentLength(_ wire: WireCase) {
        expectSame(wire)
    }

    @Test("Transfer-Encoding is read or refused as its check says, however it is cut", arguments: codingCases)
    func transferEncoding(_ wire: WireCase) {
        expectSame(wire)
    }

    @Test("Chunks are read or refused as their check says, however they are cut", arguments: chunkCases)
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
}
