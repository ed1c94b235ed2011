private let host = "Host: h\r\n\r\n"

extension WireTables {
    /// Checks 1 to 24, and what begins no request.
    public static let requestLines: [WireCase] = [
        WireCase(1, "a plain request", "GET / HTTP/1.1\r\n\(host)", "GET /", "idle"),
        WireCase(2, "a bare LF after the request line", "GET / HTTP/1.1\n\(host)", "400"),
        WireCase(3, "a bare CR after the request line", "GET / HTTP/1.1\rHost: h\r\n\r\n", "400"),
        WireCase(4, "two empty lines before", "\r\n\r\nGET / HTTP/1.1\r\n\(host)", "GET /", "idle"),
        WireCase(4, "three empty lines before", "\r\n\r\n\r\nGET / HTTP/1.1\r\n\(host)", "400"),
        WireCase(4, "one empty line before", "\r\nGET / HTTP/1.1\r\n\(host)", "GET /", "idle"),
        WireCase(4, "an empty line that is a bare LF", "\nGET / HTTP/1.1\r\n\(host)", "400"),
        WireCase(5, "two spaces before the version", "GET /  HTTP/1.1\r\n\(host)", "400"),
        WireCase(5, "a tab before the version", "GET /\tHTTP/1.1\r\n\(host)", "400"),
        WireCase(5, "a space at the end", "GET / HTTP/1.1 \r\n\(host)", "400"),
        WireCase(5, "two spaces", "GET  / HTTP/1.1\r\n\(host)", "400"),
        WireCase(5, "a tab", "GET\t/ HTTP/1.1\r\n\(host)", "400"),
        WireCase(6, "a space in the path", "GET /pa th HTTP/1.1\r\n\(host)", "400"),
        WireCase(7, "no target", "GET HTTP/1.1\r\n\(host)", "400"),
        WireCase(7, "no method", " / HTTP/1.1\r\n", "400"),
        WireCase(7, "no method, with fields behind", " / HTTP/1.1\r\n\(host)", "400"),
        WireCase(8, "HTTP/0.9", "GET /\r\n", "400"),
        WireCase(9, "HTTP/9.9", "GET / HTTP/9.9\r\n\(host)", "505"),
        WireCase(9, "HTTP/0.9 spelt out", "GET / HTTP/0.9\r\n\(host)", "505"),
        WireCase(9, "HTTP/2.0", "GET / HTTP/2.0\r\n\(host)", "505"),
        WireCase(10, "HTTP/1.2", "GET / HTTP/1.2\r\n\(host)", "GET /", "idle"),
        WireCase(11, "HTTP/1", "GET / HTTP/1\r\n\(host)", "400"),
        WireCase(11, "HTTP/01.01", "GET / HTTP/01.01\r\n\(host)", "400"),
        WireCase(11, "HTTP/ 1.1", "GET / HTTP/ 1.1\r\n\(host)", "400"),
        WireCase(11, "http/1.1", "GET / http/1.1\r\n\(host)", "400"),
        WireCase(11, "HTTP/1.10", "GET / HTTP/1.10\r\n\(host)", "400"),
        WireCase(11, "no digit", "GET / HTTP/1.x\r\n\(host)", "400"),
        WireCase(12, "the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"),
        WireCase(13, "an unknown method", "FOOBAR / HTTP/1.1\r\n\(host)", "501"),
        WireCase(13, "a method in lower case", "get / HTTP/1.1\r\n\(host)", "501"),
        WireCase(13, "a method that is no token", "G@T / HTTP/1.1\r\n\(host)", "400"),
        WireCase(
            15, "a method of 100,000 bytes",
            String(repeating: "A", count: 100_000) + " / HTTP/1.1\r\n\(host)",
            "400"),
        WireCase(
            15, "a method of 33 bytes", String(repeating: "A", count: 33) + " / HTTP/1.1\r\n\(host)", "400"),
        WireCase(
            16, "a path of 7,900 bytes", "GET /\(String(repeating: "a", count: 7_900)) HTTP/1.1\r\n\(host)",
            "GET /\(String(repeating: "a", count: 7_900))", "idle"),
        WireCase(16, "a path of 100,000 bytes", "GET /\(String(repeating: "A", count: 100_000))", "414"),
        WireCase(
            17, "an absolute target", "GET http://h/v1/models?a=b HTTP/1.1\r\n\(host)", "GET /v1/models?a=b",
            "idle"),
        WireCase(
            17, "an absolute target without a path", "GET HTTP://h:80 HTTP/1.1\r\n\(host)", "GET /", "idle"),
        WireCase(
            17, "an absolute target with only a query", "GET http://h?q HTTP/1.1\r\n\(host)", "GET /?q",
            "idle"),
        WireCase(17, "an absolute target with a user", "GET http://u@h/ HTTP/1.1\r\n\(host)", "400"),
        WireCase(17, "an absolute target without a host", "GET http:///x HTTP/1.1\r\n\(host)", "400"),
        WireCase(17, "a target of another scheme", "GET ftp://h/x HTTP/1.1\r\n\(host)", "400"),
        WireCase(17, "a target without a slash", "GET v1/models HTTP/1.1\r\n\(host)", "400"),
        WireCase(
            18, "an absolute target of another host", "GET http://other/x HTTP/1.1\r\n\(host)", "GET /x",
            "idle"),
        WireCase(19, "OPTIONS *", "OPTIONS * HTTP/1.1\r\n\(host)", "OPTIONS *", "idle"),
        WireCase(20, "GET *", "GET * HTTP/1.1\r\n\(host)", "400"),
        WireCase(21, "CONNECT", "CONNECT h:443 HTTP/1.1\r\n\(host)", "501"),
        WireCase(
            21, "TRACE with what it must not echo", "TRACE / HTTP/1.1\r\nAuthorization: Bearer s\r\n\(host)",
            "501"),
        WireCase(21, "TRACE", "TRACE / HTTP/1.1\r\n\(host)", "501"),
        WireCase(22, "a fragment", "GET /path#frag HTTP/1.1\r\n\(host)", "400"),
        WireCase(22, "a backslash", "GET /a\\b HTTP/1.1\r\n\(host)", "400"),
        WireCase(22, "raw UTF-8", "GET /\u{e9} HTTP/1.1\r\n\(host)", "400"),
        WireCase(
            22, "raw bytes", Array("GET /".utf8) + [0xC0, 0xAF] + Array(" HTTP/1.1\r\n\(host)".utf8), ["400"]),
        WireCase(22, "NUL", "GET /\0 HTTP/1.1\r\n\(host)", "400"),
        WireCase(
            24, "a raw query", "GET /v1/models?x=%3d&y HTTP/1.1\r\n\(host)", "GET /v1/models?x=%3d&y", "idle"),
        // A record of TLS 1.0 for compatibility, and the hello of TLS 1.2 in it, with random bytes 0 to 31.
        WireCase(
            109, "a TLS ClientHello",
            [0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3] + Array(0..<32) + [0, 0, 2, 0x13, 1, 1, 0], ["400"]),
        WireCase(109, "the first byte of a TLS ClientHello", [0x16], ["400"]),
        WireCase(1, "part of a request", "GET / HTT", "waits"),
        WireCase(1, "nothing", "", "idle"),
        WireCase(1, "an empty line and no more", "\r\n", "waits"),
        WireCase(
            66, "two requests", "GET /1 HTTP/1.1\r\n\(host)GET /2 HTTP/1.1\r\n\(host)", "GET /1", "GET /2",
            "idle"
        ),
    ]
}
