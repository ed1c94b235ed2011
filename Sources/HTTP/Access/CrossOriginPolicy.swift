/// Which web pages of other origins may read answers (CORS, as the Fetch standard has it).
///
/// Credentials that browsers add by themselves, cookies, are never allowed: no answer depends on them. A key that
/// a page sends itself is no such thing.
public struct CrossOriginPolicy: Sendable, Equatable {
    /// Longer ones are nobody's origin.
    private static let originBytesMax = 256
    /// How long a browser may keep the answer to a preflight; browsers have lower limits of their own.
    private static let preflightSeconds = 7_200
    private static let methods = "GET, HEAD, POST, PUT, PATCH, DELETE"
    /// What a page may read beside the few fields that it always may.
    private static let exposed = "x-request-id, x-apus-ignored, Retry-After"

    private let isAny: Bool
    private let origins: Set<String>

    /// No page of another origin.
    public static let none = CrossOriginPolicy(isAny: false, origins: [])

    private init(isAny: Bool, origins: Set<String>) {
        self.isAny = isAny
        self.origins = origins
    }

    /// - Parameter origins: Such as `https://app.example.com` or `http://localhost:3000`, or `*` for any.
    /// - Returns: Nil when one is none of these.
    public init?(_ origins: [String]) {
        var exact: Set<String> = []
        for origin in origins where origin != "*" {
            let text = String(decoding: origin.utf8.map(ASCII.lowercased), as: UTF8.self)
            guard let mark = text.firstRange(of: "://"), !text[..<mark.lowerBound].isEmpty,
                text.utf8.count <= Self.originBytesMax,
                HostField.isValid(Array(text[mark.upperBound...].utf8)[...])
            else { return nil }
            exact.insert(text)
        }
        self.init(isAny: origins.contains("*"), origins: exact)
    }

    var isOn: Bool { isAny || !origins.isEmpty }

    /// Pages of any origin may read answers.
    public var allowsAny: Bool { isAny }

    func allows(_ origin: ArraySlice<UInt8>) -> Bool {
        if isAny { return true }
        guard isOn, origin.count <= Self.originBytesMax else { return false }
        return origins.contains(String(decoding: origin, as: UTF8.self))
    }

    /// What every answer says about it, errors too: a page that may not read an error cannot show it.
    func fields(for origin: ArraySlice<UInt8>?) -> HTTPFields {
        guard isOn else { return [:] }
        var fields = HTTPFields()
        if let value = allowedOrigin(origin) {
            fields.append("Access-Control-Allow-Origin", value)
            fields.append("Access-Control-Expose-Headers", Self.exposed)
        }
        if !isAny { fields.append("Vary", "Origin") }
        return fields
    }

    /// The answer to a question whether a request may be sent; nil when this is none.
    func preflight(_ head: RequestHead) -> HTTPResponse? {
        guard isOn, head.method == .options, let origin = head.fields.bytes(of: "origin"),
            head.fields.contains("access-control-request-method")
        else { return nil }
        var fields = HTTPFields()
        if let value = allowedOrigin(origin) {
            fields.append("Access-Control-Allow-Origin", value)
            fields.append("Access-Control-Allow-Methods", Self.methods)
            if let wanted = head.fields.bytes(of: "access-control-request-headers"),
                wanted.allSatisfy({ ASCII.isToken($0) || $0 == UInt8(ascii: ",") || $0 == ASCII.space })
            {
                fields.append("Access-Control-Allow-Headers", String(decoding: wanted, as: UTF8.self))
            }
            fields.append("Access-Control-Max-Age", String(Self.preflightSeconds))
        }
        fields.append(
            "Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
        return HTTPResponse(status: .noContent, headers: fields)
    }

    private func allowedOrigin(_ origin: ArraySlice<UInt8>?) -> String? {
        guard let origin, allows(origin) else { return nil }
        return isAny ? "*" : String(decoding: origin, as: UTF8.self)
    }
}
