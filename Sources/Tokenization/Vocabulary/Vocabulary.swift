import ModelFiles

/// The tokens of a model: what each is, and the bytes it stands for.
struct Vocabulary: Sendable {
    let kinds: [TokenKind]
    /// The bytes that a token adds to an answer; for control tokens and the unknown token their text.
    let pieces: FlatStrings
    /// A token has a text that no one types: it ends or structures an answer.
    private let controls: [Bool]

    var count: Int { kinds.count }

    init(kinds: [TokenKind], pieces: FlatStrings) {
        self.kinds = kinds
        self.pieces = pieces
        controls = kinds.map { $0 == .control || $0 == .unknown }
    }

    func contains(_ token: TokenID) -> Bool { token >= 0 && Int(token) < count }

    /// Whether an answer shows the token's text only when asked to.
    func isHidden(_ token: TokenID) -> Bool { contains(token) && controls[Int(token)] }
}
