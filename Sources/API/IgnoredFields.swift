import HTTP

/// The names of fields without effect, as one header value. They come from outside: what is no plain name character
/// is replaced, lengths and counts are cut.
struct IgnoredFields: Sendable, Equatable {
    var names: [String] = []

    /// Nil when nothing was ignored.
    var headerValue: String? {
        guard !names.isEmpty else { return nil }
        var shown = names.prefix(APILimits.ignoredNameCountMax).map(Self.plain)
        if names.count > shown.count { shown.append("and-\(names.count - shown.count)-more") }
        return shown.joined(separator: ", ")
    }

    /// `x-apus-ignored`, when something was.
    var headers: HTTPFields {
        headerValue.map { ["x-apus-ignored": $0] } ?? [:]
    }

    /// Of a request with `strict`, which wants to be refused instead.
    var refusal: APIError? {
        guard let first = names.first, let headerValue else { return nil }
        return .invalid(
            Self.plain(first),
            "With \"strict\": true no field may be without effect, but these are: \(headerValue).",
            code: "unknown_parameter")
    }

    private static func plain(_ name: String) -> String {
        let bytes = name.utf8.prefix(APILimits.ignoredNameBytesMax).map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
                UInt8(ascii: "."), UInt8(ascii: "["), UInt8(ascii: "]"):
                byte
            default: UInt8(ascii: "?")
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
