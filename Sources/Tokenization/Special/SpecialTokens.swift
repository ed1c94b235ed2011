import ModelFiles

/// Takes the tokens that are found literally out of a text before the rest is cut and merged.
///
/// There are two kinds. Control tokens count only where a template wrote every byte of them; user-defined
/// tokens are found in any text, before the merge rules see it. Control tokens come first, so that no
/// user-defined token can break one by swallowing its first bytes.
struct SpecialTokens: Sendable {
    /// Longer texts are refused: what a hostile text can cost is its length times this.
    static let textBytesMax = 1024

    enum Fragment: Equatable {
        case token(TokenID)
        /// Ordinary text, never empty.
        case text(Range<Int>)
    }

    private let controls: LiteralMatcher
    private let userDefined: LiteralMatcher
    /// White space before or behind these tokens belongs to them.
    private let stripsLeft: Set<TokenID>
    private let stripsRight: Set<TokenID>

    init(
        controls: [(text: ArraySlice<UInt8>, token: TokenID)],
        userDefined: [(text: ArraySlice<UInt8>, token: TokenID)],
        stripsLeft: Set<TokenID>, stripsRight: Set<TokenID>
    ) {
        self.controls = LiteralMatcher(controls)
        self.userDefined = LiteralMatcher(userDefined)
        self.stripsLeft = stripsLeft
        self.stripsRight = stripsRight
    }

    /// - Parameter trusted: the parts of the text, in order and apart, in which control tokens count.
    func partition(_ text: UnsafeBufferPointer<UInt8>, trusted: [Range<Int>]) -> [Fragment] {
        guard let base = text.baseAddress, text.count > 0 else { return [] }
        var found: [LiteralMatcher.Match] = []
        if !controls.isEmpty {
            for range in trusted {
                var at = range.lowerBound
                while let match = controls.first(in: base, from: at, to: range.upperBound) {
                    found.append(match)
                    at = match.end
                }
            }
        }
        return fragments(base, text.count, controls: found)
    }

    private func fragments(
        _ text: UnsafePointer<UInt8>, _ end: Int, controls: [LiteralMatcher.Match]
    ) -> [Fragment] {
        var fragments: [Fragment] = []
        var at = 0
        for control in controls {
            at = appendText(text, at, control.start, before: control.token, to: &fragments)
            fragments.append(.token(control.token))
            at = skipSpace(text, control.end, end, after: control.token)
        }
        _ = appendText(text, at, end, before: nil, to: &fragments)
        return fragments
    }

    /// Appends ordinary text and the user-defined tokens in it. Returns `end`.
    private func appendText(
        _ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int, before control: TokenID?,
        to fragments: inout [Fragment]
    ) -> Int {
        var at = start
        if !userDefined.isEmpty {
            while let match = userDefined.first(in: text, from: at, to: end) {
                appendRun(text, at, match.start, before: match.token, to: &fragments)
                fragments.append(.token(match.token))
                at = skipSpace(text, match.end, end, after: match.token)
            }
        }
        appendRun(text, at, end, before: control, to: &fragments)
        return max(start, end)
    }

    private func appendRun(
        _ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int, before token: TokenID?,
        to fragments: inout [Fragment]
    ) {
        var end = end
        if let token, stripsLeft.contains(token) {
            while end > start, Self.isSpace(text[end - 1]) { end -= 1 }
        }
        if start < end { fragments.append(.text(start..<end)) }
    }

    private func skipSpace(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int, after token: TokenID)
        -> Int
    {
        guard stripsRight.contains(token) else { return start }
        var at = start
        while at < end, Self.isSpace(text[at]) { at += 1 }
        return at
    }

    /// C's isspace.
    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || 0x09...0x0D ~= byte
    }
}
