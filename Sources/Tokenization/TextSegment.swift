/// A part of a prompt, and whom to trust about it.
public struct TextSegment: Sendable, Equatable {
    public var bytes: [UInt8]
    /// Whether the texts of special tokens in it are those tokens: true for a template's own text, false for
    /// what a user wrote.
    public var parsesSpecial: Bool

    public init(_ bytes: [UInt8], parsesSpecial: Bool) {
        self.bytes = bytes
        self.parsesSpecial = parsesSpecial
    }
}
