import Testing

@testable import HTTP

private let host = "Host: h\r\n\r\n"

private let cases: [WireCase] = [
    WireCase(1, "a plain request", "GET / HTTP/1.1\r\n\(host)", "GET /", "idle"),
    WireCase(2, "a bare LF after the request line", "GET / HTTP/1.1\n\(host)", "400"),
    WireCase(3, "a bare CR after the request line", "GET / HTTP/1.1\rHost: h\r\n\r\n", "400"),
    WireCase(4, "two empty lines before", "\r\n\r\nGET / HTTP/1.1\r\n\(host)", "GET /", "idle"),
    WireCase(4, "three empty lines before", "\r\n\r\n\r\nGET / HTTP/1.1\r\n\(host)", "400"),
    WireCase(5, "two spaces", "GET  / HTTP/1.1\r\n\(host)", "400"),
    WireCase(5, "a tab", "GET\t/ HTTP/1.1\r\n\(host)", "400"),
    WireCase(6, "a space in the path", "GET /pa th HTTP/1.1\r\n\(host)", "400"),
    WireCase(7, "no target", "GET HTTP/1.1\r\n\(host)", "400"),
    WireCase(7, "no method", " / HTTP/1.1\r\n", "400"),
    WireCase(8, "HTTP/0.9", "GET /\r\n", "400"),
    WireCase(9, "HTTP/9.9", "GET / HTTP/9.9\r\n\(host)", "505"),
    WireCase(9, "HTTP/2.0", "GET / HTTP/2.0\r\n\(host)", "505"),
    WireCase(10, "HTTP/1.2", "GET / HTTP/1.2\r\n\(host)", "GET /", "idle"),
    WireCase(11, "HTTP/1", "GET / HTTP/1\r\n\(host)", "400"),
    WireCase(11, "HTTP/01.01", "GET / HTTP/01.01\r\n\(host)", "400"),
    WireCase(11, "HTTP/ 1.1", "GET / HTTP/ 1.1\r\n\(host)", "400"),
    WireCase(11, "http/1.1", "GET / http/1.1\r\n\(host)", "400"),
    WireCase(12, "the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"),
    WireCase(13, "an unknown method", "FOOBAR / HTTP/1.1\r\n\(host)", "501"),
    WireCase(13, "a method in lower case", "get / HTTP/1.1\r\n\(host)", "501"),
    WireCase(13, "a method that is no token", "G@T / HTTP/1.1\r\n\(host)", "400"),
    WireCase(
        15, "a method of 100,000 bytes", String(repeating: "A", count: 100_000) + " / HTTP/1.1\r\n\(host)",
        "400"),
    WireCase(15, "a method of 33 bytes", String(repeating: "A", count: 33) + " / HTTP/1.1\r\n\(host)", "400"),
    WireCase(
        16, "a path of 7,900 bytes", "GET /\(String(repeating: "a", count: 7_900)) HTTP/1.1\r\n\(host)",
        "GET /\(String(repeating: "a", count: 7_900))", "idle"),
    WireCase(16, "a path of 100,000 bytes", "GET /\(String(repeating: "A", count: 100_000))", "414"),
    WireCase(
        17, "an absolute target", "GET http://h/v1/models?a=b HTTP/1.1\r\n\(host)", "GET /v1/models?a=b",
        "idle"),
    WireCase(17, "an absolute target without a path", "GET HTTP://h:80 HTTP/1.1\r\n\(host)", "GET /", "idle"),
    WireCase(
        17, "an absolute target with only a query", "GET http://h?q HTTP/1.1\r\n\(host)", "GET /?q", "idle"),
    WireCase(17, "an absolute target with a user", "GET http://u@h/ HTTP/1.1\r\n\(host)", "400"),
    WireCase(17, "an absolute target without a host", "GET http:///x HTTP/1.1\r\n\(host)", "400"),
    WireCase(17, "a target of another scheme", "GET ftp://h/x HTTP/1.1\r\n\(host)", "400"),
    WireCase(17, "a target without a slash", "GET v1/models HTTP/1.1\r\n\(host)", "400"),
    WireCase(
        18, "an absolute target of another host", "GET http://other/x HTTP/1.1\r\n\(host)", "GET /x", "idle"),
    WireCase(19, "OPTIONS *", "OPTIONS * HTTP/1.1\r\n\(host)", "OPTIONS *", "idle"),
    WireCase(20, "GET *", "GET * HTTP/1.1\r\n\(host)", "400"),
    WireCase(21, "CONNECT", "CONNECT h:443 HTTP/1.1\r\n\(host)", "501"),
    WireCase(21, "TRACE", "TRACE / HTTP/1.1\r\n\(host)", "501"),
    WireCase(22, "a fragment", "GET /path#frag HTTP/1.1\r\n\(host)", "400"),
    WireCase(22, "a backslash", "GET /a\\b HTTP/1.1\r\n\(host)", "400"),
    WireCase(22, "raw UTF-8", "GET /\u{e9} HTTP/1.1\r\n\(host)", "400"),
    WireCase(
        22, "raw bytes", Array("GET /".utf8) + [0xC0, 0xAF] + Array(" HTTP/1.1\r\n\(host)".utf8), ["400"]),
    WireCase(22, "NUL", "GET /\0 HTTP/1.1\r\n\(host)", "400"),
    WireCase(
        24, "a raw query", "GET /v1/models?x=%3d&y HTTP/1.1\r\n\(host)", "GET /v1/models?x=%3d&y", "idle"),
    WireCase(109, "a TLS ClientHello", [0x16, 0x03, 0x01, 0x02, 0x00], ["400"]),
    WireCase(1, "part of a request", "GET / HTT", "waits"),
    WireCase(1, "nothing", "", "idle"),
    WireCase(1, "an empty line and no more", "\r\n", "waits"),
    WireCase(
        66, "two requests", "GET /1 HTTP/1.1\r\n\(host)GET /2 HTTP/1.1\r\n\(host)", "GET /1", "GET /2", "idle"
    ),
]

@Suite("Request lines")
struct RequestLineTests {
    @Test("A request line is read or refused as its check says, however it is cut", arguments: cases)
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

/// The outcome is the expected one for the whole input, for every cut in two, and byte by byte.
func expectSame(_ wire: WireCase, limits: HTTPLimits = HTTPLimits()) {
    let bytes = wire.bytes
    #expect(Outcome.of([bytes[...]], limits: limits) == wire.expected)
    #expect(Outcome.of(bytes.indices.map { bytes[$0...$0] }, limits: limits) == wire.expected, "byte by byte")
    // Long inputs are about limits; their cuts would take long and show nothing more.
    guard bytes.count < 2_000 else { return }
    for cut in bytes.indices {
        let outcome = Outcome.of([bytes[..<cut], bytes[cut...]], limits: limits)
        #expect(outcome == wire.expected, "cut at \(cut)")
    }
}
