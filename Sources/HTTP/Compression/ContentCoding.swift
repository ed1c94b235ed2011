/// How a body is packed (RFC 9110 §8.4.1). `deflate` is zlib's format, as the RFC has it, not the bare one.
enum ContentCoding: Sendable, Equatable {
    case identity
    case gzip
    case deflate

    /// What a request may name, for `Accept-Encoding` in an answer (RFC 9110 §15.5.16).
    static let requestCodings = "gzip, deflate"

    /// - Parameter name: In any case; `x-gzip` is an old name of gzip.
    init?(_ name: ArraySlice<UInt8>) {
        if ASCII.equalsIgnoringCase(name, "gzip") || ASCII.equalsIgnoringCase(name, "x-gzip") {
            self = .gzip
        } else if ASCII.equalsIgnoringCase(name, "deflate") {
            self = .deflate
        } else if ASCII.equalsIgnoringCase(name, "identity") {
            self = .identity
        } else {
            return nil
        }
    }

    /// For `Content-Encoding`; nil where none is sent.
    var name: String? {
        switch self {
        case .identity: nil
        case .gzip: "gzip"
        case .deflate: "deflate"
        }
    }

    /// What zlib calls a window of so many bits in this format.
    func windowBits(_ bits: Int32) -> Int32 { self == .gzip ? bits + 16 : bits }
}
