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
    /// The prefix, suffix and middle of a fill-in-the-middle.
    var fillInMiddle: [TokenID?] = [nil, nil, nil]
    var addsBOS: Bool?
    var addsEOS: Bool?
    var addsSpacePrefix: Bool?
    /// WordPiece: whether letters lose their case, and their accents.
    var lowercases = true
    var stripsAccents = true
    /// WordPiece: a word of more characters is unknown as a whole; nil for no such limit.
    var wordCharactersMax: Int?

    /// Fills in the token ids that old files leave out. Source: llama.cpp's defaults per model.
    func withDefaults() -> TokenizerSource {
        var source = self
        func known(_ token: TokenID) -> TokenID? { Int(token) < tokens.count ? token : nil }
        switch model {
        case "llama":
            source.bos = bos ?? known(1)
            source.eos = eos ?? known(2)
            source.unknown = unknown ?? known(0)
        case "bert":
            source.bos = bos ?? known(101)
            source.separator = separator ?? known(102)
            source.unknown = unknown ?? known(100)
        default:
            break
        }
        return source
    }
}
