/// What the fields of a head mean for the connection, and the rules that have to hold between them.
struct FieldRules {
    /// Fields that must not come twice: whoever reads the other one is fooled.
    private enum Singleton: Int, CaseIterable {
        case host, contentLength, transferEncoding, contentType, contentEncoding, authorization, expect,
            origin

        init?(_ name: ArraySlice<UInt8>) {
            let (candidate, text): (Singleton, StaticString)
            switch (name.count, name.first.map(ASCII.lowercased)) {
            case (4, _): (candidate, text) = (.host, "host")
            case (14, _): (candidate, text) = (.contentLength, "content-length")
            case (17, _): (candidate, text) = (.transferEncoding, "transfer-encoding")
            case (12, _): (candidate, text) = (.contentType, "content-type")
            case (16, _): (candidate, text) = (.contentEncoding, "content-encoding")
            case (13, _): (candidate, text) = (.authorization, "authorization")
            case (6, UInt8(ascii: "e")): (candidate, text) = (.expect, "expect")
            case (6, _): (candidate, text) = (.origin, "origin")
            default: return nil
            }
            guard ASCII.equalsIgnoringCase(name, text) else { return nil }
            self = candidate
        }
    }

    let framing: RequestHead.Framing
    let coding: ContentCoding
    let isPersistent: Bool
    let expectsContinue: Bool

    init(_ fields: HTTPFields, version: RequestHead.Version) throws(WireError) {
        // The value of each singleton, as indices of the fields' bytes.
        var values = InlineArray<8, Range<Int>?>(repeating: nil)
        var saysClose = false
        var saysKeepAlive = false
        for entry in fields.entries {
            let name = fields.bytes[entry.name]
            if let singleton = Singleton(name) {
                guard values[singleton.rawValue] == nil else {
                    throw WireError(
                        singleton == .host ? .host : .field,
                        "The field \(String(decoding: name, as: UTF8.self)) must not come twice.")
                }
                values[singleton.rawValue] = entry.value
            } else if ASCII.equalsIgnoringCase(name, "connection") {
                for token in fields.bytes[entry.value].split(separator: UInt8(ascii: ",")).map(ASCII.trimmed)
                {
                    if ASCII.equalsIgnoringCase(token, "close") { saysClose = true }
                    if ASCII.equalsIgnoringCase(token, "keep-alive") { saysKeepAlive = true }
                }
            }
        }
        func value(_ singleton: Singleton) -> ArraySlice<UInt8>? {
            values[singleton.rawValue].map { fields.bytes[$0] }
        }

        try Self.checkHost(value(.host), version)
        framing = try Self.framing(value(.contentLength), value(.transferEncoding), version)
        coding = try Self.contentCoding(value(.contentEncoding), framing)
        expectsContinue = try Self.expectation(value(.expect), version)
        // Close wins over keep-alive (RFC 9112 §9.3).
        isPersistent = !saysClose && (version == .http11 || saysKeepAlive)
    }

    private static func checkHost(_ host: ArraySlice<UInt8>?, _ version: RequestHead.Version)
        throws(WireError)
    {
        guard let host else {
            if version == .http10 { return }
            throw WireError(.host, "An HTTP/1.1 request needs one Host field.")
        }
        guard HostField.isValid(host) else {
            throw WireError(.host, "The Host field must be a host with an optional port.")
        }
    }

    /// RFC 9112 §6.1–6.3; what the RFC leaves open is refused where acceptance has been a smuggling vector.
    private static func framing(
        _ length: ArraySlice<UInt8>?, _ coding: ArraySlice<UInt8>?, _ version: RequestHead.Version
    ) throws(WireError) -> RequestHead.Framing {
        if let coding {
            guard length == nil else {
                throw WireError(.framing, "Content-Length and Transfer-Encoding exclude each other.")
            }
            guard version == .http11 else {
                throw WireError(.framing, "HTTP/1.0 has no Transfer-Encoding.")
            }
            try checkTransferCoding(coding)
            return .chunked
        }
        guard let length else { return .none }
        guard let count = ASCII.decimal(length), length.count == 1 || length.first != UInt8(ascii: "0") else {
            throw WireError(
                .framing, "Content-Length must be one decimal number without sign or leading zeros.")
        }
        return count == 0 ? .none : .length(count)
    }

    private static func checkTransferCoding(_ value: ArraySlice<UInt8>) throws(WireError) {
        if ASCII.equalsIgnoringCase(value, "chunked") { return }
        let codings = value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map(
            ASCII.trimmed)
        let isList = codings.allSatisfy { !$0.isEmpty && $0.allSatisfy(ASCII.isToken) }
        let hasMisplaced = codings.dropLast().contains { ASCII.equalsIgnoringCase($0, "chunked") }
        let hasIdentity = codings.contains { ASCII.equalsIgnoringCase($0, "identity") }
        guard isList, !hasMisplaced, !hasIdentity else {
            throw WireError(.framing, "Transfer-Encoding must be chunked, once and alone.")
        }
        throw WireError(.transferCoding, "The only transfer coding of this server is chunked.")
    }

    private static func contentCoding(
        _ value: ArraySlice<UInt8>?, _ framing: RequestHead.Framing
    ) throws(WireError) -> ContentCoding {
        guard let value, framing != .none else { return .identity }
        guard let coding = ContentCoding(value) else {
            throw WireError(
                .contentCoding,
                "The Content-Encoding of a request body must be one of gzip and deflate, once.",
                headers: ["Accept-Encoding": ContentCoding.requestCodings])
        }
        return coding
    }

    private static func expectation(
        _ value: ArraySlice<UInt8>?, _ version: RequestHead.Version
    ) throws(WireError) -> Bool {
        // An HTTP/1.0 client knows no 1xx (RFC 9110 §10.1.1).
        guard let value, version == .http11 else { return false }
        guard ASCII.equalsIgnoringCase(value, "100-continue") else {
            throw WireError(.expectation, "The only expectation that this server meets is 100-continue.")
        }
        return true
    }
}
