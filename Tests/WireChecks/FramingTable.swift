private func post(_ fields: String, _ body: String = "") -> String {
    "POST / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n\(body)"
}

private func get(_ method: String, _ fields: String = "", _ body: String = "") -> String {
    "\(method) / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n\(body)"
}

private func length(_ value: String) -> String { post("Content-Length:\(value)\r\n", "hello") }

private func coding(_ value: String) -> String {
    post("Transfer-Encoding:\(value)\r\n", "5\r\nhello\r\n0\r\n\r\n")
}

private func chunked(_ body: String) -> String { post("Transfer-Encoding: chunked\r\n", body) }

private func chunkSize(_ size: String) -> WireCase {
    WireCase(57, "chunk size \(size)", chunked("\(size)\r\nhello\r\n0\r\n\r\n"), "400")
}

private let hello = "POST / [hello]"

extension WireTables {
    /// Checks 40 to 49.
    public static let lengths: [WireCase] =
        [
            " abc", " +5", " -1", " -0", " 0x5", " 0o5", " 1_0", " 1 0", "", " ", " 5;a",
            " 99999999999999999999",
            " 9223372036854775808", " 5,", " ,5", " \u{660}", " 5\t5",
        ].map { WireCase(40, "Content-Length\($0)", length($0), "400") }
        + [" 5, 10", " 5,10", " 10, 5"].map { WireCase(41, "Content-Length\($0)", length($0), "400") }
        + [" 5, 5", " 5,5"].map { WireCase(42, "Content-Length\($0)", length($0), "400") }
        + [" 005", " 0200", " 00", " 05"].map { WireCase(43, "Content-Length\($0)", length($0), "400") }
        + [
            WireCase(41, "two lengths", post("Content-Length: 5\r\nContent-Length: 10\r\n", "hello"), "400"),
            WireCase(
                42, "one length twice", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), "400"),
            WireCase(44, "a tab before the length", length("\t5"), hello, "idle"),
            WireCase(44, "a space after the length", length(" 5 "), hello, "idle"),
            WireCase(45, "half a body", post("Content-Length: 10\r\n", "hello"), "waits"),
            WireCase(46, "too long a body", post("Content-Length: 999999999\r\n"), "413"),
            WireCase(47, "neither length nor coding", post(""), "POST /", "idle"),
            WireCase(
                48, "a GET with a body, and another",
                get("GET", "Content-Length: 5\r\n", "hello") + get("GET"),
                "GET / [hello]", "GET /", "idle"),
            WireCase(
                48, "a HEAD with a body, and another",
                get("HEAD", "Content-Length: 5\r\n", "hello") + get("GET"),
                "HEAD / [hello]", "GET /", "idle"),
            WireCase(
                48, "OPTIONS with a body, and another",
                get("OPTIONS", "Content-Length: 5\r\n", "hello") + get("GET"), "OPTIONS / [hello]", "GET /",
                "idle"),
            WireCase(
                48, "a GET with a chunked body, and another",
                get("GET", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n") + get("GET"),
                "GET / [hello]", "GET /", "idle"),
            WireCase(
                49, "a request behind an empty body",
                post("Content-Length: 0\r\n", "GET /x HTTP/1.1\r\nHost: h\r\n\r\n"), "POST /", "GET /x",
                "idle"),
        ]

    /// Checks 50 to 55.
    public static let codings: [WireCase] =
        [" xchunked", " gzip", " gzip, chunked"].map {
            WireCase(51, "Transfer-Encoding\($0)", coding($0), "501")
        }
        + [
            " chunked, gzip", " chunked, chunked", " identity", "", " chunked;p=v", " , chunked", " chunked,",
            " chunked gzip", " chunked, identity", " chunked, xchunked",
        ].map { WireCase(52, "Transfer-Encoding\($0)", coding($0), "400") }
        + [" \u{b}chunked", " \u{c}chunked", " chunked\0", " \"chunked\"", "\r\n chunked"].map {
            WireCase(53, "Transfer-Encoding\($0)", coding($0), "400")
        }
        + [" Chunked", "\tchunked", " chunked "].map {
            WireCase(54, "Transfer-Encoding\($0)", coding($0), hello, "idle")
        }
        + [
            WireCase(
                50, "a length and a coding",
                post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "hello"),
                "400"),
            WireCase(
                50, "a coding and a length",
                post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "hello"),
                "400"),
            WireCase(
                52, "two codings", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), "400"
            ),
            WireCase(
                52, "a coding on another line",
                post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), "400"),
            WireCase(53, "a space after the name", post("Transfer-Encoding : chunked\r\n"), "400"),
            WireCase(
                50, "a length of 0 and a coding",
                post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), "400"),
            WireCase(
                50, "a length and an unknown coding",
                post("Transfer-Encoding: x\r\nContent-Length: 5\r\n", "hello"),
                "400"),
            WireCase(
                55, "HTTP/1.0 that keeps alive",
                "POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "400"),
            WireCase(55, "HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
        ]

    /// Checks 56 to 63, and 66.
    public static let chunks: [WireCase] =
        [
            "-1", "+5", "0x5", "1_0", " 5", "5 ", "", "G", "00000000000000005", "FFFFFFFFFFFFFFFF",
            "7FFFFFFFFFFFFFFFF", "5\t", "\t5", "00000000000000000", "5,", "\u{ff15}",
        ].map(
            chunkSize) + [
            WireCase(56, "one chunk", chunked("5\r\nhello\r\n0\r\n\r\n"), hello, "idle"),
            WireCase(56, "A", chunked("A\r\n0123456789\r\n0\r\n\r\n"), "POST / [0123456789]", "idle"),
            WireCase(56, "a", chunked("a\r\n0123456789\r\n0\r\n\r\n"), "POST / [0123456789]", "idle"),
            WireCase(56, "three digits", chunked("005\r\nhello\r\n000\r\n\r\n"), hello, "idle"),
            WireCase(56, "16 digits", chunked("0000000000000005\r\nhello\r\n0\r\n\r\n"), hello, "idle"),
            WireCase(56, "several chunks", chunked("2\r\nhe\r\n3\r\nllo\r\n00\r\n\r\n"), hello, "idle"),
            WireCase(57, "a huge size", chunked("7FFFFFFFFFFFFFFF\r\n"), "413"),
            WireCase(58, "an extension", chunked("5;ext=value\r\nhello\r\n0\r\n\r\n"), hello, "idle"),
            WireCase(58, "a quoted one", chunked("5;a=\"b;c\\\"\"\r\nhello\r\n0;x\r\n\r\n"), hello, "idle"),
            WireCase(58, "several", chunked("5;a;b=c;d=\"\"\r\nhello\r\n0\r\n\r\n"), hello, "idle"),
            WireCase(59, "white space before one", chunked("5 ;a=b\r\nhello\r\n0\r\n\r\n"), "400"),
            WireCase(59, "white space in one", chunked("5;a =b\r\nhello\r\n0\r\n\r\n"), "400"),
            WireCase(59, "an empty value", chunked("5;a=\r\nhello\r\n0\r\n\r\n"), "400"),
            WireCase(59, "LF in a quoted one", chunked("5;a=\"\n\"\r\nhello\r\n0\r\n\r\n"), "400"),
            WireCase(59, "LF behind one", chunked("5;a\nhello\r\n0\r\n\r\n"), "400"),
            WireCase(59, "CR behind one", chunked("5;a\rhello\r\n0\r\n\r\n"), "400"),
            WireCase(59, "an empty extension", chunked("5;\r\nhello\r\n0\r\n\r\n"), "400"),
            WireCase(59, "a bad one", chunked("5;bad[=x\r\nhello\r\n0\r\n\r\n"), "400"),
            WireCase(59, "one that is not closed", chunked("5;a=\"b\r\nhello\r\n0\r\n\r\n"), "400"),
            WireCase(59, "NUL in one", chunked("5;a\0\r\nhello\r\n0\r\n\r\n"), "400"),
            WireCase(59, "CR in one", chunked("5;a\rX\r\nhello\r\n0\r\n\r\n"), "400"),
            WireCase(59, "LF in one", chunked("5;\nhello\r\n0\r\n\r\n"), "400"),
            WireCase(60, "a long one", chunked("5;\(String(repeating: "a", count: 65_536))\r\n"), "400"),
            WireCase(
                60, "one byte on each of 100,000 chunks",
                chunked(String(repeating: "9;a\r\n123456789\r\n", count: 100_000)), "400"),
            WireCase(61, "data ended by LF", chunked("5\r\nhello\n0\r\n\r\n"), "400"),
            WireCase(61, "too much data", chunked("5\r\nhello!!\r\n0\r\n\r\n"), "400"),
            WireCase(61, "no line end after the data", chunked("5\r\nhello0\r\n\r\n"), "400"),
            WireCase(61, "LF after the last chunk", chunked("5\r\nhello\r\n0\r\n\n"), "400"),
            WireCase(61, "LF between CRs after the last chunk", chunked("5\r\nhello\r\n0\n\r\n"), "400"),
            WireCase(61, "data ended by CR", chunked("5\r\nhello\r0\r\n\r\n"), "400"),
            WireCase(61, "too little data", chunked("5\r\nhell\r\n0\r\n\r\n"), "400"),
            WireCase(61, "LF after a size", chunked("5\nhello\r\n0\r\n\r\n"), "400"),
            WireCase(62, "no last chunk", chunked("5\r\nhello\r\n"), "waits"),
            WireCase(
                63, "trailers", chunked("5\r\nhello\r\n0\r\nX-Sum: a\r\nContent-Length: 3\r\n\r\n"), hello,
                "idle"),
            WireCase(
                63, "trailers that must not be merged, and a request behind",
                chunked(
                    "5\r\nhello\r\n0\r\nContent-Length: 3\r\nTransfer-Encoding: x\r\nHost: u@o\r\n"
                        + "Authorization: a\r\nContent-Type: b\r\nConnection: close\r\n\r\n") + get("GET"),
                hello, "GET /", "idle"),
            WireCase(63, "a folded trailer", chunked("0\r\nX: a\r\n b\r\n\r\n"), "400"),
            WireCase(63, "LF in a trailer", chunked("0\r\nX: a\nY: b\r\n\r\n"), "400"),
            WireCase(63, "a bad trailer", chunked("0\r\nX Sum: a\r\n\r\n"), "400"),
            WireCase(63, "long trailers", chunked("0\r\nX: \(String(repeating: "a", count: 9_000))"), "431"),
            WireCase(63, "many trailers", chunked("0\r\n\(String(repeating: "a: b\r\n", count: 33))"), "431"),
            WireCase(60, "many tiny chunks", chunked(String(repeating: "1\r\na\r\n", count: 1_001)), "400"),
            WireCase(
                66, "a request behind the last chunk",
                chunked("5\r\nhello\r\n0\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n"), hello, "GET /x", "idle"),
        ]
}
