/// Why a chat template could not be read or rendered.
public struct TemplateError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        /// The template's source is not understood.
        case syntax
        /// An expression met a value that it cannot work with.
        case evaluation
        /// The template itself refused its input with `raise_exception`; the message is its own.
        case raised
        /// A limit of `TemplateLimits` was reached.
        case limit
    }

    public let kind: Kind
    public let message: String
    /// The template's line, counted from 1.
    public let line: Int

    public var description: String { "chat template, line \(line): \(message)" }
}
