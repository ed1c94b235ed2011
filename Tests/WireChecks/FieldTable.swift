private let line = "GET / HTTP/1.1\r\n"

private func with(_ fields: String) -> String { "\(line)Host: h\r\n\(fields)\r\n" }

extension WireTables {
    /// Checks 25 to 39, and 65.
    public static let fields: [WireCase] = [
        WireCase(25, "no Host", "\(line)\r\n", "400"),
        WireCase(25, "two equal Hosts", with("Host: h\r\n"), "400"),
        WireCase(25, "two different Hosts", with("hOST: o\r\n"), "400"),
        WireCase(26, "a user in Host", "\(line)Host: user@h\r\n\r\n", "400"),
        WireCase(26, "a path in Host", "\(line)Host: h/path\r\n\r\n", "400"),
        WireCase(26, "a list in Host", "\(line)Host: h, o\r\n\r\n", "400"),
        WireCase(26, "a comma in Host", "\(line)Host: h,o\r\n\r\n", "400"),
        WireCase(26, "an empty Host", "\(line)Host:\r\n\r\n", "400"),
        WireCase(26, "an IPv6 Host", "\(line)Host: [::1]:80\r\n\r\n", "GET /", "idle"),
        WireCase(26, "an IPv6 Host without a port", "\(line)Host: [::1]\r\n\r\n", "GET /", "idle"),
        WireCase(26, "an IPv6 Host that is not closed", "\(line)Host: [::1\r\n\r\n", "400"),
        WireCase(26, "bytes after an IPv6 Host", "\(line)Host: [::1]x:80\r\n\r\n", "400"),
        WireCase(26, "an IPv6 Host without an address", "\(line)Host: []\r\n\r\n", "400"),
        WireCase(26, "port 1", "\(line)Host: h:1\r\n\r\n", "GET /", "idle"),
        WireCase(26, "port 65535", "\(line)Host: h:65535\r\n\r\n", "GET /", "idle"),
        WireCase(26, "port 65536", "\(line)Host: h:65536\r\n\r\n", "400"),
        WireCase(26, "port 0", "\(line)Host: h:0\r\n\r\n", "400"),
        WireCase(26, "port +1", "\(line)Host: h:+1\r\n\r\n", "400"),
        WireCase(26, "an empty port", "\(line)Host: h:\r\n\r\n", "400"),
        WireCase(26, "two ports", "\(line)Host: h:80:80\r\n\r\n", "400"),
        WireCase(26, "an escape in Host", "\(line)Host: h%41\r\n\r\n", "400"),
        WireCase(26, "a bad Host of HTTP/1.0", "GET / HTTP/1.0\r\nHost: u@h\r\n\r\n", "400"),
        WireCase(27, "HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", "GET /", "idle"),
        WireCase(28, "a space before the colon", with("X-Test : v\r\n"), "400"),
        WireCase(28, "a tab in the name", with("X\tY: v\r\n"), "400"),
        WireCase(28, "a bracket in the name", with("Bad[Name: v\r\n"), "400"),
        WireCase(28, "no name", with(": v\r\n"), "400"),
        WireCase(28, "no colon", with("NoColon\r\n"), "400"),
        WireCase(28, "a name beyond ASCII", with("X-\u{e9}: v\r\n"), "400"),
        WireCase(29, "a folded line", with("X: a\r\n b\r\n"), "400"),
        WireCase(29, "a folded line with a tab", with("X: a\r\n\tb\r\n"), "400"),
        WireCase(29, "a folded line of nothing", with("X: a\r\n \r\n"), "400"),
        WireCase(29, "white space right after the request line", "\(line) \r\nHost: h\r\n\r\n", "400"),
        WireCase(30, "a bare LF in a value", with("X: a\nY: b\r\n"), "400"),
        WireCase(30, "a bare CR in a value", with("X: val\rue\r\n"), "400"),
        WireCase(30, "NUL in a value", with("X: a\0b\r\n"), "400"),
        WireCase(30, "BEL in a value", with("X: a\u{7}b\r\n"), "400"),
        WireCase(30, "VT in a value", with("X: a\u{b}b\r\n"), "400"),
        WireCase(30, "DEL in a value", with("X: a\u{7f}b\r\n"), "400"),
        WireCase(30, "HTAB and obs-text in a value", with("X: a\tb\u{e9}\r\n"), "GET /", "idle"),
        WireCase(30, "CR before the CRLF", with("X: a\r\r\n"), "400"),
        WireCase(30, "a control byte in a name", with("X\u{1}: a\r\n"), "400"),
        WireCase(
            30, "every byte of obs-text",
            Array("\(line)Host: h\r\nX: ".utf8) + Array(0x80...0xFF)
                + Array("\r\n\r\n".utf8), ["GET /", "idle"]),
        WireCase(31, "an empty value", with("X:\r\n"), "GET /", "idle"),
        WireCase(31, "odd case and a tab", "\(line)hoSt:\th\r\n\r\n", "GET /", "idle"),
        WireCase(
            32, "a value of 100,000 bytes", "\(line)X: \(String(repeating: "a", count: 100_000))", "431"),
        WireCase(32, "a name of 100,000 bytes", "\(line)\(String(repeating: "a", count: 100_000))", "431"),
        WireCase(
            32, "values of 100,000 bytes together",
            "\(line)\(String(repeating: "X: \(String(repeating: "a", count: 10_000))\r\n", count: 10))", "431"
        ),
        WireCase(32, "10,000 fields", "\(line)\(String(repeating: "a: b\r\n", count: 10_000))", "431"),
        WireCase(33, "two Content-Types", with("Content-Type: a/b\r\nContent-Type: a/b\r\n"), "400"),
        WireCase(33, "two Authorizations", with("Authorization: a\r\nauthorization: b\r\n"), "400"),
        WireCase(
            34, "underscores", with("Content_Length: 99\r\nTransfer_Encoding: chunked\r\n"), "GET /", "idle"),
        WireCase(35, "an unknown expectation", with("Expect: 200-ok\r\n"), "417"),
        WireCase(35, "a known expectation and another", with("Expect: 100-continue, x\r\n"), "417"),
        WireCase(36, "an upgrade without Connection", with("Upgrade: websocket\r\n"), "GET /", "idle"),
        WireCase(
            36, "an upgrade to HTTP/2",
            with("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
            "GET /",
            "idle"),
        WireCase(36, "an upgrade", with("Upgrade: websocket\r\nConnection: upgrade\r\n"), "GET /", "idle"),
        WireCase(
            37, "Connection twice", with("Connection: keep-alive\r\nConnection: x\r\n"), "GET /", "idle"),
        WireCase(39, "a range", with("Range: bytes=0-1\r\n"), "GET /", "idle"),
        WireCase(
            65, "a coding not known", with("Content-Encoding: br\r\nContent-Length: 3\r\n") + "abc", "415"),
        WireCase(
            65, "two codings", with("Content-Encoding: gzip, gzip\r\nContent-Length: 3\r\n") + "abc", "415"),
        WireCase(65, "a coding without a body", with("Content-Encoding: gzip\r\n"), "GET /", "idle"),
    ]
}
