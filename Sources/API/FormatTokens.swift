import Chat
import ModelFiles
import Tokenization

/// The control tokens of a model that its answers' format is made of.
struct FormatTokens: Sendable {
    /// Their texts are markers, or stand in one: the parser of answers has to see them, as no client has to.
    private(set) var markers: Set<TokenID> = []
    /// An answer ends with them.
    private(set) var ends: Set<TokenID> = []

    /// Looks at the whole vocabulary, so this is for once a model.
    init(_ tokenizer: Tokenizer, _ format: AnswerFormat?) {
        guard let format else { return }
        let texts = format.markers
        for token in 0..<TokenID(clamping: tokenizer.vocabularyCount) where tokenizer.isControl(token) {
            let text = String(decoding: tokenizer.bytes(of: token, special: true), as: UTF8.self)
            guard !text.isEmpty else { continue }
            if format.ends.contains(text) { ends.insert(token) }
            if texts.contains(where: { $0.contains(text) }) { markers.insert(token) }
        }
    }
}
