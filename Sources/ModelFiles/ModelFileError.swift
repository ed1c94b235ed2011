/// Why a model file could not be used: which file, which field of it, what was found and what would be right.
public struct ModelFileError: Error, Equatable, CustomStringConvertible {
    /// The file, as the caller named it.
    public let path: String
    /// The field at fault: `header`, `metadata general.alignment`, `tensor blk.0.attn_q.weight` …
    public let field: String
    /// What is wrong with it, with the numbers.
    public let reason: String

    public init(path: String, field: String, reason: String) {
        self.path = path
        self.field = field
        self.reason = reason
    }

    public var description: String { "\(path): \(field): \(reason)" }
}
