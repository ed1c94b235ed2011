/// A piece of a template's source.
struct Token: Sendable {
    enum Kind: Sendable, Equatable {
        /// Text outside of all tags.
        case data([UInt8])
        case outputBegin, outputEnd
        case blockBegin, blockEnd
        case name(String)
        case string([UInt8])
        case int(Int)
        case float(Double)
        case symbol(String)
        case end
    }

    let kind: Kind
    let line: Int

    /// For error messages.
    var text: String {
        switch kind {
        case .data: "text"
        case .outputBegin: "{{"
        case .outputEnd: "}}"
        case .blockBegin: "{%"
        case .blockEnd: "%}"
        case .name(let name): "\"\(name)\""
        case .string: "a string"
        case .int, .float: "a number"
        case .symbol(let symbol): "\"\(symbol)\""
        case .end: "the end of the template"
        }
    }
}
