/// `method SP request-target SP HTTP-version` (RFC 9112 §3), read strictly: one space, nothing corrected.
struct RequestLine: Equatable {
    var method: HTTPMethod
    var path: String
    var query: String?
    /// Of an absolute-form target, instead of Host (RFC 9112 §3.2.2).
    var authority: String?
    var version: RequestHead.Version

    /// - Parameter line: Without its CRLF, free of control bytes but HTAB.
    init(_ line: [UInt8], methodBytesMax: Int) throws(WireError) {
        guard let first = line.firstIndex(of: ASCII.space),
            let second = line[(first + 1)...].firstIndex(of: ASCII.space),
            !line[(second + 1)...].contains(ASCII.space)
        else {
            throw WireError(
                .requestLine, "A request line is a method, a target and a version with one space between.")
        }
        let name = line[..<first]
        guard name.count <= methodBytesMax else { throw Self.methodTooLong(methodBytesMax) }
        guard !name.isEmpty, name.allSatisfy({ ASCII.isToken($0) }) else {
            throw WireError(.requestLine, "The method is not a token.")
        }
        version = try Self.version(line[(second + 1)...])
        guard let method = HTTPMethod(name) else {
            throw WireError(.method, "This server doesn't know the method.")
        }
        self.method = method
        (path, query, authority) = try Self.target(line[(first + 1)..<second], method: method)
    }

    static func methodTooLong(_ bytesMax: Int) -> WireError {
        WireError(.requestLine, "The method may have \(bytesMax) characters.", reached: .methodBytes)
    }

    /// Every 1.x is spoken to as 1.1 except 1.0 (RFC 9110 §2.5).
    private static func version(_ bytes: ArraySlice<UInt8>) throws(WireError) -> RequestHead.Version {
        let digits = bytes.dropFirst(5)
        guard ASCII.equals(bytes.prefix(5), "HTTP/"), digits.count == 3, let major = digits.first,
            let minor = digits.last,
            ASCII.isDigit(major), ASCII.isDigit(minor), digits.dropFirst().first == UInt8(ascii: ".")
        else { throw WireError(.requestLine, "The version must read HTTP/1.1 or HTTP/1.0.") }
        guard major == UInt8(ascii: "1") else {
            throw WireError(.version, "This server speaks HTTP/1.1 and HTTP/1.0 only.")
        }
        return minor == UInt8(ascii: "0") ? .http10 : .http11
    }

    /// Origin form, absolute form, or `*` for OPTIONS (RFC 9112 §3.2).
    private static func target(
        _ bytes: ArraySlice<UInt8>, method: HTTPMethod
    ) throws(WireError) -> (path: String, query: String?, authority: String?) {
        guard bytes.allSatisfy({ isTargetByte($0) }) else {
            throw WireError(.target, "The request target contains a byte that has to be percent-escaped.")
        }
        if ASCII.equals(bytes, "*") {
            guard method == .options else { throw WireError(.target, "The target * is for OPTIONS only.") }
            return ("*", nil, nil)
        }
        if bytes.first == UInt8(ascii: "/") {
            let (path, query) = split(bytes)
            return (path, query, nil)
        }
        guard let afterScheme = authorityAndRest(bytes) else {
            throw WireError(
                .target, "The request target must be a path that starts with a slash, or an http URL.")
        }
        let end =
            afterScheme.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }
            ?? afterScheme.endIndex
        guard HostField.isValid(afterScheme[..<end]) else {
            throw WireError(
                .target, "The authority of the request target must be a host with an optional port.")
        }
        let (path, query) = split(afterScheme[end...])
        let authority = String(decoding: afterScheme[..<end], as: UTF8.self)
        return (path.isEmpty ? "/" : path, query, authority)
    }

    private static func split(_ bytes: ArraySlice<UInt8>) -> (path: String, query: String?) {
        guard let mark = bytes.firstIndex(of: UInt8(ascii: "?")) else {
            return (String(decoding: bytes, as: UTF8.self), nil)
        }
        return (
            String(decoding: bytes[..<mark], as: UTF8.self),
            String(decoding: bytes[(mark + 1)...], as: UTF8.self)
        )
    }

    private static func authorityAndRest(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        for scheme in ["http://", "https://"] as [StaticString] {
            let count = scheme.utf8CodeUnitCount
            if ASCII.equalsIgnoringCase(bytes.prefix(count), scheme) { return bytes.dropFirst(count) }
        }
        return nil
    }

    /// Visible ASCII without what no URI may hold, and without `#`: a fragment is never sent.
    private static func isTargetByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "#"), UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"):
            false
        default: byte > 0x20 && byte < 0x7F
        }
    }
}
