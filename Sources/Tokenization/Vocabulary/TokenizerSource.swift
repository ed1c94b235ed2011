import ModelFiles

/// What a model file says about its tokenizer, before anything is built from it.
struct TokenizerSource: Sendable {
    /// `tokenizer.ggml.model`
    var model: String
    /// `tokenizer.ggml.pre`; empty when the file has none.
    var preTokenizer = ""
    /// `general.name`, which decides on a few models' peculiarities.
    var modelName = ""
    var tokens = FlatStrings()
    /// One a token, or none at all.
    var scores: [Float] = []
    /// One a token, or none at all: then every token is normal.
    var kinds: [TokenKind] = []
    var merges = FlatStrings()

    var bos: TokenID?
    var eos: TokenID?
    var unknown: TokenID?
    /// BERT's last token.
    var separator: TokenID?
    /// Others that end an answer: eot, eom, and the ends of a fill-in-the-middle.
    var otherEnds: [TokenID] = []
    var addsBOS: Bool?
    var addsEOS: Bool?
    var addsSpacePrefix: Bool?
}
