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
        "x-content-type-options", "referrer-policy",
    ]

    /// - Parameters:
    ///   - date: IMF-fixdate.
    ///   - requestID: Visible ASCII.
    func encode(date: [UInt8], requestID: String, into output: inout [UInt8]) {
        Self.append("HTTP/1.1 ", to: &output)
        Self.append(status.code, to: &output)
        output.append(ASCII.space)
        output.append(contentsOf: status.reason.utf8)
        Self.append("\r\nDate: ", to: &output)
        output.append(contentsOf: date)
        Self.append("\r\nServer: apus\r\n", to: &output)
        appendFields(to: &output)
        switch framing {
        case .nothing, .untilClose: break
        case .length(let count):
            Self.append("Content-Length: ", to: &output)
            Self.append(count, to: &output)
            Self.append("\r\n", to: &output)
        case .chunked: Self.append("Transfer-Encoding: chunked\r\n", to: &output)
        }
        switch persistence {
        case .implied: break
        case .close: Self.append("Connection: close\r\n", to: &output)
        case .keepAlive: Self.append("Connection: keep-alive\r\n", to: &output)
        }
        Self.append("x-request-id: ", to: &output)
        output.append(contentsOf: requestID.utf8)
        Self.append("\r\n\r\n", to: &output)
    }

    private func appendFields(to output: inout [UInt8]) {
        var saysType = false
        var saysCaching = false
        var saysPolicy = false
        for entry in fields.entries {
            let name = fields.bytes[entry.name]
            let isToken = !name.isEmpty && name.allSatisfy { ASCII.isToken($0) }
            guard isToken, !Self.isOwn(name) else { continue }
            if ASCII.equalsIgnoringCase(name, "content-type") { saysType = true }
            if ASCII.equalsIgnoringCase(name, "cache-control") { saysCaching = true }
            if ASCII.equalsIgnoringCase(name, "content-security-policy") { saysPolicy = true }
            output.append(contentsOf: name)
            Self.append(": ", to: &output)
            Self.append(value: fields.bytes[entry.value], to: &output)
            Self.append("\r\n", to: &output)
        }
        guard framing != .nothing else { return }
        if !saysType { Self.append("Content-Type: application/octet-stream\r\n", to: &output) }
        // Answers are for one client and no page: not to be kept, guessed at, run or framed.
        if !saysCaching { Self.append("Cache-Control: no-store\r\n", to: &output) }
        if !saysPolicy {
            Self.append(
                "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n", to: &output)
        }
        Self.append("Referrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n", to: &output)
    }

    private static func isOwn(_ name: ArraySlice<UInt8>) -> Bool {
        ownNames.contains { ASCII.equalsIgnoringCase(name, $0) }
    }

    /// A line break in a value would let its author write the rest of the response.
    private static func append(value: ArraySlice<UInt8>, to output: inout [UInt8]) {
        if value.contains(where: { ASCII.isControl($0) }) {
            output.append(contentsOf: value.map { ASCII.isControl($0) ? UInt8(ascii: "?") : $0 })
        } else {
            output.append(contentsOf: value)
        }
    }

    @inline(__always)
    private static func append(_ text: StaticString, to output: inout [UInt8]) {
        output.append(
            contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// - Parameter number: Not negative.
    static func append(_ number: Int, to output: inout [UInt8], radix: Int = 10) {
        if number >= radix { append(number / radix, to: &output, radix: radix) }
        let digit = UInt8(truncatingIfNeeded: number % radix)
        output.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit)
    }
}
