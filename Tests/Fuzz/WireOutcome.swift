@testable import HTTP

/// What came out of the request parser, in a form that can be compared: a line for each request with its body, then how
/// it ended.
enum WireOutcome {
    /// - Parameter pieces: The input, cut; each piece is given alone.
    static func of(_ pieces: [ArraySlice<UInt8>], limits: HTTPLimits) -> [String] {
        var parser = RequestParser(limits: limits)
        var lines: [String] = []
        var body: [UInt8] = []
        do throws(WireError) {
            for piece in pieces {
                let input = Array(piece)
                var position = 0
                while let event = try next(&parser, input, &position) {
                    switch event {
                    case .head(let head):
                        check(head, limits)
                        lines.append("\(head)")
                        try parser.limitBody(to: limits.bodyBytesMax)
                    case .body(let range):
                        body += input[range]
                        precondition(body.count <= limits.bodyBytesMax, "more body than is allowed")
                    case .end:
                        lines.append("body \(body)")
                        body = []
                    }
                }
                precondition(position == input.count, "bytes are left over though no more can be said")
            }
            lines.append("\(parser.isBetweenRequests) \(body)")
        } catch {
            lines.append("\(error.fault)")
            checkIsOver(&parser)
        }
        return lines
    }

    private static func next(
        _ parser: inout RequestParser, _ input: [UInt8], _ position: inout Int
    ) throws(WireError) -> RequestParser.Event? {
        let before = position
        let event = try parser.next(input.span, &position)
        precondition(before <= position && position <= input.count, "the parser left the input")
        if case .body(let range) = event {
            precondition(
                before <= range.lowerBound && range.upperBound <= position, "a body outside of what was read")
            precondition(!range.isEmpty, "an empty piece of a body")
        }
        return event
    }

    private static func check(_ head: RequestHead, _ limits: HTTPLimits) {
        precondition(head.path.utf8.first == UInt8(ascii: "/") || head.path == "*", "a path without a slash")
        precondition(head.fields.count <= limits.fieldCountMax, "more fields than are allowed")
        precondition(head.fields.bytes.count <= limits.headerBytesMax, "a larger head than is allowed")
        precondition(!head.fields.bytes.contains(where: ASCII.isControl), "a control byte in a field")
        for name in ["host", "content-length", "transfer-encoding"] {
            precondition(
                head.fields.values(of: name).count <= 1, "a field twice that decides where a request ends")
        }
        if head.framing == .chunked {
            precondition(!head.fields.contains("content-length"), "two framings")
        }
    }

    /// After an error nothing is parsed, whatever comes.
    private static func checkIsOver(_ parser: inout RequestParser) {
        let more = Array("GET / HTTP/1.1\r\nHost: h\r\n\r\n".utf8)
        var position = 0
        let event = try? parser.next(more.span, &position)
        precondition(event == .some(nil) && position == 0, "the parser went on after an error")
    }
}
