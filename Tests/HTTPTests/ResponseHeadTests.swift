import Testing

@testable import HTTP

@Suite("What goes onto the wire")
struct ResponseHeadTests {
    private func encode(
        _ status: HTTPStatus, _ fields: HTTPFields, _ framing: ResponseHead.Framing,
        _ persistence: ResponseHead.Persistence = .implied
    ) -> String {
        var bytes: [UInt8] = []
        ResponseHead(status: status, fields: fields, framing: framing, persistence: persistence)
            .encode(date: Array("D".utf8), requestID: "r", into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("A head has its fields in a fixed order")
    func fixed() {
        #expect(
            encode(.ok, ["Content-Type": "application/json", "X-A": "1"], .length(12)) == """
                HTTP/1.1 200 OK\r\nDate: D\r\nServer: apus\r\nContent-Type: application/json\r\nX-A: 1\r\n\
                Cache-Control: no-store\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n\
                Referrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\nContent-Length: 12\r\nx-request-id: r\r\n\r\n
                """)
    }

    @Test("204 says nothing of a body (check 72)")
    func noContent() {
        #expect(
            encode(.noContent, [:], .nothing, .close)
                == "HTTP/1.1 204 No Content\r\nDate: D\r\nServer: apus\r\nConnection: close\r\nx-request-id: r\r\n\r\n"
        )
    }

    @Test("A line break in a value, or in a name, cannot begin a new line (check 76)")
    func injection() {
        let text = encode(.ok, ["A": "1\r\nEvil: 1", "B\r\nEvil": "1", "": "1", "C": "\0\t"], .chunked)
        #expect(text.contains("\r\nA: 1??Evil: 1\r\nC: ?\t\r\n"))
        #expect(!text.contains("\r\nEvil"))
    }

    @Test("What the server alone says cannot be said by a handler")
    func ownFields() {
        let text = encode(.ok, ["content-length": "3", "TRANSFER-ENCODING": "x", "Date": "y"], .length(0))
        #expect(text.hasPrefix("HTTP/1.1 200 OK\r\nDate: D\r\nServer: apus\r\nContent-Type: "))
        #expect(text.hasSuffix("Content-Length: 0\r\nx-request-id: r\r\n\r\n"))
        #expect(!text.contains("content-length") && !text.contains("x\r\n") && !text.contains("Date: y"))
    }

    @Test("A handler may say how its answer is kept and what it may load, and that is said once")
    func handlersPolicies() {
        let text = encode(
            .ok, ["Cache-Control": "max-age=1", "Content-Security-Policy": "default-src 'self'"], .length(0))
        #expect(text.contains("Cache-Control: max-age=1\r\n") && !text.contains("no-store"))
        #expect(text.contains("Content-Security-Policy: default-src 'self'\r\n") && !text.contains("'none'"))
    }

    @Test("Chunks are framed, and no bytes make none")
    func chunks() {
        var bytes: [UInt8] = []
        ChunkEncoder.append([], to: &bytes)
        ChunkEncoder.append([UInt8](repeating: 0x61, count: 26), to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "1a\r\n\(String(repeating: "a", count: 26))\r\n")
    }

    @Test(
        "Events are framed line by line",
        arguments: [
            (nil, "x", "data: x\n\n"), ("e", "x", "event: e\ndata: x\n\n"),
            (nil, "a\nb", "data: a\ndata: b\n\n"),
            (nil, "a\r\nb\rc", "data: a\ndata: b\ndata: c\n\n"),
            ("e\nid: 1", "", "event: eid: 1\ndata: \n\n"),
        ] as [(String?, String, String)])
    func events(event: String?, data: String, expected: String) {
        var bytes: [UInt8] = []
        ServerSentEvent.append(event: event, data: Array(data.utf8), to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
    }

    @Test(
        "Dates are written as HTTP wants them",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_827_696, "Tue, 29 Feb 2000 12:34:56 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
        ])
    func dates(second: Int, expected: String) {
        var cache = DateCache()
        #expect(cache.text(at: second) == Array(expected.utf8))
    }

    @Test("Error bodies are OpenAI's, and their text is escaped")
    func errors() {
        let error = ErrorBody(message: "a\"b\\c\n\u{1}", type: "t", param: "p", code: nil)
        #expect(
            String(decoding: error.encoded, as: UTF8.self)
                == #"{"error":{"message":"a\"b\\c\u000a\u0001","type":"t","param":"p","code":null}}"#)
    }
}
