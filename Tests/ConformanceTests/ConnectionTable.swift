private let line = " HTTP/1.1\r\nHost: h\r\n"

private func get(_ target: String, _ fields: String = "", _ method: String = "GET") -> String {
    "\(method) \(target)\(line)\(fields)\r\n"
}

private func post(_ target: String, _ fields: String, _ body: String = "hello") -> String {
    "POST \(target)\(line)Content-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)"
}

private func chunked(_ body: String) -> String {
    "POST /echo\(line)Transfer-Encoding: chunked\r\n\r\n\(body)"
}

/// `POST /json` with a content type, and the status that it gets.
private func typed(_ type: String?, _ status: Int) -> ConnectionCase {
    ConnectionCase(
        77, "Content-Type \(type ?? "absent")", post("/json", type.map { "Content-Type: \($0)\r\n" } ?? ""),
        ["\(status)"])
}

/// A target, and what GET gets for it.
private func target(_ target: String, _ expected: String...) -> ConnectionCase {
    ConnectionCase(23, "GET \(target)", get(target), expected)
}

private let continued = "Expect: 100-continue\r\n"

extension ConnectionCase {
    static let all: [ConnectionCase] = [
        ConnectionCase(14, "a wrong method", get("/echo", "", "DELETE"), ["405", "Allow: OPTIONS, POST"]),
        ConnectionCase(
            14, "a wrong method with a body", post("/hello", ""), ["405", "Allow: GET, HEAD, OPTIONS"]),
        ConnectionCase(17, "an absolute target", get("http://h/hello"), ["200", "=hello"]),
        ConnectionCase(
            18, "an absolute target of another host", get("http://other/hello"), ["200", "=hello"]),
        ConnectionCase(
            19, "OPTIONS *", get("*", "", "OPTIONS"),
            ["204", "Allow: GET, HEAD, OPTIONS, POST", "!Content-Length", "!Transfer-Encoding", "="]),
        ConnectionCase(
            19, "OPTIONS of a path", get("/hello", "", "OPTIONS"),
            ["204", "Allow: GET, HEAD, OPTIONS", "!Content-Length", "="]),
        ConnectionCase(
            21, "TRACE does not echo", get("/hello", "Authorization: Bearer secret\r\n", "TRACE"),
            ["501", "~secret"],
            then: .close),
        target("/%68ello", "200", "=hello"), target("/models/a%2Fb", "200", "=a/b"),
        target("/models/%C3%A9", "200", "=\u{e9}"), target("/hello%2F", "404"), target("/models%2Fa", "404"),
        target("/models/%00", "400", "~\0"), target("/models/%0d%0aX:%20y", "400", "!X", "~X: y"),
        target("/models/%7f", "400"), target("/models/%zz", "400"), target("/models/%4", "400"),
        target("/models/%C0%AF", "400"), target("/x/../hello", "404"), target("/./hello", "404"),
        target("/models/..", "404"), target("/models/%2e%2E", "404"), target("//hello", "404"),
        target("/hello/", "404"), target("/models/", "404"),
        ConnectionCase(24, "a raw query", get("/query?x=%3d&y+%zz"), ["200", "=x=%3d&y+%zz"]),
        ConnectionCase(24, "an empty query", get("/query?"), ["200", "="]),
        ConnectionCase(
            27, "HTTP/1.0 without Host", "GET /hello HTTP/1.0\r\n\r\n",
            ["200", "Connection: close", "=hello"],
            then: .close),
        ConnectionCase(
            36, "an upgrade to WebSocket",
            get(
                "/hello",
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AA==\r\n"
            ),
            ["200", "!Upgrade", "=hello"]),
        ConnectionCase(
            36, "an upgrade to HTTP/2",
            get(
                "/hello",
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
            ["200", "!Upgrade", "=hello"]),
        ConnectionCase(
            37, "close and keep-alive", get("/hello", "Connection: close, keep-alive\r\n"),
            ["200", "Connection: close"], then: .close),
        ConnectionCase(
            37, "keep-alive and close", get("/hello", "Connection: keep-alive\r\nConnection:close\r\n"),
            ["200", "Connection: close"], then: .close),
        ConnectionCase(37, "Close", get("/hello", "Connection: Close\r\n"), ["200"], then: .close),
        ConnectionCase(
            37, "closed", get("/hello", "Connection: closed, x-close\r\n"), ["200", "!Connection"]),
        ConnectionCase(
            39, "a range", get("/hello", "Range: bytes=0-1\r\n"), ["200", "!Content-Range", "=hello"]),
        ConnectionCase(
            44, "white space around a length", "POST /echo\(line)Content-Length:\t5 \r\n\r\nhello",
            ["200", "=hello"]),
        ConnectionCase(47, "neither length nor coding", "POST /echo\(line)\r\n", ["200", "="]),
        ConnectionCase(
            48, "a GET with a body",
            get("/hello", "Content-Length: 20\r\n") + "GET /health HTTP/1.1" + get("/models/x"),
            ["200", "=hello"], ["200", "=x"]),
        ConnectionCase(
            48, "a HEAD with a body",
            get("/hello", "Content-Length: 20\r\n", "HEAD") + "GET /health HTTP/1.1" + get("/models/x"),
            ["200", "HEAD", "Content-Length: 5"], ["200", "=x"]),
        ConnectionCase(
            48, "OPTIONS with a body",
            get("/hello", "Content-Length: 20\r\n", "OPTIONS") + "GET /health HTTP/1.1" + get("/models/x"),
            ["204"],
            ["200", "=x"]),
        ConnectionCase(
            48, "a body that no route wants", post("/nowhere", "", "GET /health HTTP/1.1") + get("/models/x"),
            ["404"],
            ["200", "=x"]),
        ConnectionCase(
            49, "a request behind an empty body", post("/echo", "", "") + get("/models/x"), ["200", "="],
            ["200", "=x"]),
        ConnectionCase(56, "chunks", chunked("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"), ["200", "=hello"]),
        ConnectionCase(
            58, "chunks with extensions", chunked("5;a=\"b;c\"\r\nhello\r\n0;x\r\n\r\n"), ["200", "=hello"]),
        ConnectionCase(
            63, "trailers",
            chunked("5\r\nhello\r\n0\r\nConnection: close\r\nHost: x y\r\n\r\n") + get("/models/x"),
            ["200", "=hello", "!Connection"], ["200", "=x"]),
        ConnectionCase(
            66, "three requests in one write", get("/slow") + get("/health") + get("/models/x"),
            ["200", "=slow"],
            ["200"], ["200", "=x"]),
        ConnectionCase(
            68, "a body of the wrong type is not asked for",
            "POST /json\(line)\(continued)Content-Type: text/plain\r\nContent-Length: 10000000\r\n\r\n",
            ["415", "Connection: close"], then: .close),
        ConnectionCase(
            68, "a body that is too long is not asked for",
            "POST /small\(line)\(continued)Content-Length: 10000000\r\n\r\n", ["413", "Connection: close"],
            then: .close),
        ConnectionCase(
            68, "a chunked body for nobody is not asked for",
            "POST /nowhere\(line)\(continued)Transfer-Encoding: chunked\r\n\r\n",
            ["404", "Connection: close"],
            then: .close),
        ConnectionCase(
            69, "HTTP/1.0 gets no 100",
            "POST /echo HTTP/1.0\r\n\(continued)Content-Length: 5\r\n\r\nhello", ["200", "=hello"],
            then: .close),
        ConnectionCase(70, "no 100 for a body that has come", post("/echo", continued), ["200", "=hello"]),
        ConnectionCase(70, "no 100 without a body", get("/hello", continued), ["200", "=hello"]),
        ConnectionCase(
            71, "HEAD, and another",
            get("/hello", "", "HEAD") + get("/stream", "", "HEAD") + get("/models/x"),
            ["200", "HEAD", "Content-Length: 5"], ["200", "HEAD", "Content-Type: text/event-stream"],
            ["200", "=x"]),
        ConnectionCase(
            71, "HEAD of nothing", get("/nowhere", "", "HEAD") + get("/models/x"), ["404", "HEAD"],
            ["200", "=x"]),
        ConnectionCase(
            72, "204", get("/hello", "", "OPTIONS") + get("/models/x"),
            ["204", "!Content-Length", "!Transfer-Encoding", "!Content-Type"], ["200", "=x"]),
        ConnectionCase(
            74, "HTTP/1.1 persists", get("/hello") + get("/models/x"), ["200", "!Connection"],
            ["200", "!Connection"]),
        ConnectionCase(
            74, "HTTP/1.0 with keep-alive",
            "GET /hello HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /models/x HTTP/1.0\r\n\r\n",
            ["200", "Connection: keep-alive"], ["200", "Connection: close", "=x"], then: .close),
        ConnectionCase(
            74, "what follows a close is not served",
            get("/hello", "Connection: close\r\n") + get("/models/x"),
            ["200", "=hello"], then: .close),
        ConnectionCase(
            76, "a handler that wants to split its response", get("/evil"),
            ["200", "X-Model: a??X-Evil: 1", "!X-Evil", "!Y", "Content-Length: 0"]),
        typed("application/json", 200), typed("Application/JSON; charset=utf-8", 200),
        typed("application/json;x=y ; charset=\"UTF-8\"", 200), typed("application/json ;", 200),
        typed(nil, 415),
        typed("text/plain", 415), typed("application/json; charset=latin1", 415),
        typed("application/jsonp", 415),
        typed("application/x-www-form-urlencoded", 415), typed("multipart/form-data; boundary=x", 415),
        typed("", 415),
    ]
}
