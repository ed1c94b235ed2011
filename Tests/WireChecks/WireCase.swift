/// Bytes, and what the server has to make of them, however they are cut.
public struct WireCase: Sendable, CustomStringConvertible {
    /// The number of the check in the project's list of wire checks (docs/wire-checks.md).
    public let check: Int
    public let name: String
    public let bytes: [UInt8]
    /// `METHOD path[?query] [body]` for each request, and then how it ends: `idle` (between requests), `waits`
    /// (inside one) or the status code of a refusal.
    public let expected: [String]

    public var description: String { "\(check): \(name)" }

    /// The status of the refusal that this ends with.
    public var refusal: Int? { expected.last.flatMap { Int($0) } }

    public init(_ check: Int, _ name: String, _ text: String, _ expected: String...) {
        self.init(check, name, Array(text.utf8), expected)
    }

    public init(_ check: Int, _ name: String, _ bytes: [UInt8], _ expected: [String]) {
        self.check = check
        self.name = name
        self.bytes = bytes
        self.expected = expected
    }
}

/// All tables of bytes: the parser reads them in every cut (HTTPTests), a server over a socket (ConformanceTests).
public enum WireTables {
    public static let all = requestLines + fields + lengths + codings + chunks
}
