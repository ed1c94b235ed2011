import Glibc

/// The framing of server-sent events (WHATWG HTML §9.2.5).
enum ServerSentEvent {
    /// Between events; it says nothing and keeps proxies from cutting a silent stream.
    static let ping: [UInt8] = Array(": ping\n\n".utf8)
    /// `data: ` and the empty line.
    private static let framingBytes = 8

    /// Appends one event. Each line of `data` (ended by LF, CR or CRLF) becomes its own `data:` line, so no
    /// content can end the event early; line breaks in the event's name are dropped.
    static func append(event: String?, data: [UInt8], to output: inout [UInt8]) {
        if output.isEmpty { output.reserveCapacity(data.count + framingBytes) }
        if let event {
            output.append(contentsOf: "event: ".utf8)
            output.append(contentsOf: event.utf8.filter { !ASCII.isControl($0) })
            output.append(ASCII.lineFeed)
        }
        output.append(contentsOf: "data: ".utf8)
        if hasLineBreak(data) {
            appendLines(data, to: &output)
        } else {
            output.append(contentsOf: data)
        }
        output.append(ASCII.lineFeed)
        output.append(ASCII.lineFeed)
    }

    private static func hasLineBreak(_ data: [UInt8]) -> Bool {
        data.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return false }
            return memchr(start, Int32(ASCII.lineFeed), bytes.count) != nil
                || memchr(start, Int32(ASCII.carriageReturn), bytes.count) != nil
        }
    }

    private static func appendLines(_ data: [UInt8], to output: inout [UInt8]) {
        var previous: UInt8 = 0
        for byte in data {
            switch byte {
            case ASCII.lineFeed where previous == ASCII.carriageReturn:
                break
            case ASCII.lineFeed, ASCII.carriageReturn:
                output.append(contentsOf: "\ndata: ".utf8)
            default:
                output.append(byte)
            }
            previous = byte
        }
    }
}
