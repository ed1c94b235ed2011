/// The head of a response as it goes onto the wire.
struct ResponseHead {
    enum Framing: Equatable {
        /// No body and no field that announces one: 1xx, 204, 304.
        case nothing
        /// Content-Length, in bytes.
        case length(Int)
        case chunked
        /// The end of the connection ends the body: streams for HTTP/1.0.
        case untilClose
    }

    enum Persistence: Equatable {
        /// Nothing needs to be said.
        case implied
        case close
        /// An HTTP/1.0 client has to be told.
        case keepAlive
    }

    var status: HTTPStatus
    var fields: HTTPFields
    var framing: Framing
    var persistence: Persistence

    /// What the server alone says; a handler's line of such a name is dropped.
    private static let ownNames: [StaticString] = [
        "content-length", "transfer-encoding", "connection", "keep-alive", "date", "server", "x-request-id",
        "x-content-type-options",
    ]

    /// - Parameters:
    ///   - date: IMF-fixdate.
    ///   - requestID: Visible ASCII.
    func encode(date: [UInt8], requestID: String, into output: inout [UInt8]) {
        output.append(contentsOf: "HTTP/1.1 ".utf8)
        Self.append(status.code, to: &output)
        output.append(ASCII.space)
        output.append(contentsOf: status.reason.utf8)
        output.append(contentsOf: "\r\nDate: ".utf8)
        output.append(contentsOf: date)
        output.append(contentsOf: "\r\nServer: apus\r\n".utf8)
        appendFields(to: &output)
        switch framing {
        case .nothing, .untilClose: break
        case .length(let count):
            output.append(contentsOf: "Content-Length: ".utf8)
            Self.append(count, to: &output)
            output.append(contentsOf: "\r\n".utf8)
        case .chunked: output.append(contentsOf: "Transfer-Encoding: chunked\r\n".utf8)
        }
        switch persistence {
        case .implied: break
        case .close: output.append(contentsOf: "Connection: close\r\n".utf8)
        case .keepAlive: output.append(contentsOf: "Connection: keep-alive\r\n".utf8)
        }
        output.append(contentsOf: "x-request-id: ".utf8)
        output.append(contentsOf: requestID.utf8)
        output.append(contentsOf: "\r\n\r\n".utf8)
    }

    private func appendFields(to output: inout [UInt8]) {
        var type: ArraySlice<UInt8>?
        for entry in fields.entries {
            let name = fields.bytes[entry.name]
            let isToken = !name.isEmpty && name.allSatisfy(ASCII.isToken)
            guard isToken, !Self.ownNames.contains(where: { ASCII.equalsIgnoringCase(name, $0) }) else {
                continue
            }
            if ASCII.equalsIgnoringCase(name, "content-type") { type = fields.bytes[entry.value] }
            output.append(contentsOf: name)
            output.append(contentsOf: ": ".utf8)
            // A line break in a value would let its author write the rest of the response.
            for byte in fields.bytes[entry.value] {
                output.append(ASCII.isControl(byte) ? UInt8(ascii: "?") : byte)
            }
            output.append(contentsOf: "\r\n".utf8)
        }
        if type == nil, framing != .nothing {
            output.append(contentsOf: "Content-Type: application/octet-stream\r\n".utf8)
        } else if let type, ASCII.equalsIgnoringCase(type.prefix(16), "application/json") {
            output.append(contentsOf: "X-Content-Type-Options: nosniff\r\n".utf8)
        }
    }

    private static let hexDigits: InlineArray<16, UInt8> = [
        0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66,
    ]

    /// - Parameter number: Not negative.
    static func append(_ number: Int, to output: inout [UInt8], radix: Int = 10) {
        if number >= radix { append(number / radix, to: &output, radix: radix) }
        output.append(hexDigits[number % radix])
    }
}
