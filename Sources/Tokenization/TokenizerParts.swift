import ModelFiles

/// What a `Tokenizer` is put together from; built once, in this order: kinds, special tokens, pieces,
/// encoder.
struct TokenizerParts {
    let vocabulary: Vocabulary
    let specials: SpecialTokens
    let encoders: EncoderPool
    let endOfGeneration: Set<TokenID>
    let hasSpacePrefix: Bool
    /// The tokens that open and close a text.
    let prefix: TokenID?
    let suffix: TokenID?

    /// Positions in a vocabulary are 32-bit; so are offsets into its texts.
    private static let tokensMax = 1 << 24
    private static let textBytesMax = 1 << 31

    /// - Parameter source: with its defaults filled in.
    init(_ source: TokenizerSource) throws(TokenizerError) {
        try Self.check(source)
        let ends = EndOfGeneration(source)
        let kinds = ends.kinds
        specials = try Self.specials(source, kinds)
        endOfGeneration = ends.tokens
        let family = try tokenizerFamily(source)
        vocabulary = Vocabulary(kinds: kinds, pieces: family.pieces(source, kinds))
        encoders = family.encoders(source, kinds)
        hasSpacePrefix = family.hasSpacePrefix(source)
        prefix = try Self.edge(
            source.addsBOS ?? family.addsBOS, source.bos, key: "tokenizer.ggml.bos_token_id")
        let last = family.endsWithSeparator ? source.separator : source.eos
        let suffixKey =
            family.endsWithSeparator ? "tokenizer.ggml.seperator_token_id" : "tokenizer.ggml.eos_token_id"
        suffix = try Self.edge(family.endsWithSeparator || source.addsEOS ?? false, last, key: suffixKey)
    }

    private static func edge(_ isAdded: Bool, _ token: TokenID?, key: String) throws(TokenizerError)
        -> TokenID?
    {
        guard isAdded else { return nil }
        guard let token else {
            throw .invalid(key: key, reason: "is missing, but the tokenizer adds this token to every text")
        }
        return token
    }

    private static func check(_ source: TokenizerSource) throws(TokenizerError) {
        let count = source.tokens.count
        guard count > 0 else { throw .invalid(key: "tokenizer.ggml.tokens", reason: "is empty") }
        guard count <= tokensMax else {
            throw .invalid(key: "tokenizer.ggml.tokens", reason: "has \(count) tokens; at most \(tokensMax)")
        }
        guard source.tokens.bytes.count <= textBytesMax else {
            throw .invalid(
                key: "tokenizer.ggml.tokens",
                reason: "has \(source.tokens.bytes.count) bytes; at most \(textBytesMax)")
        }
        guard source.scores.isEmpty || source.scores.count >= count else {
            throw .invalid(
                key: "tokenizer.ggml.scores", reason: "has \(source.scores.count) scores for \(count) tokens")
        }
        guard source.kinds.isEmpty || source.kinds.count >= count else {
            throw .invalid(
                key: "tokenizer.ggml.token_type",
                reason: "has \(source.kinds.count) types for \(count) tokens")
        }
        for (key, token) in [
            ("bos", source.bos), ("eos", source.eos), ("unknown", source.unknown),
            ("seperator", source.separator),
        ] {
            guard let token, token < 0 || Int(token) >= count else { continue }
            throw .invalid(
                key: "tokenizer.ggml.\(key)_token_id", reason: "is \(token), but there are \(count) tokens")
        }
    }

    private static func specials(_ source: TokenizerSource, _ kinds: [TokenKind]) throws(TokenizerError)
        -> SpecialTokens
    {
        var controls: [(text: ArraySlice<UInt8>, token: TokenID)] = []
        var userDefined: [(text: ArraySlice<UInt8>, token: TokenID)] = []
        for id in 0..<kinds.count
        where kinds[id] == .control || kinds[id] == .unknown || kinds[id] == .userDefined {
            let text = source.tokens[id]
            guard text.count <= SpecialTokens.textBytesMax else {
                throw .invalid(
                    key: "tokenizer.ggml.tokens",
                    reason:
                        "special token \(id) has \(text.count) bytes; at most \(SpecialTokens.textBytesMax)")
            }
            let literal = (text, TokenID(truncatingIfNeeded: id))
            if kinds[id] == .userDefined { userDefined.append(literal) } else { controls.append(literal) }
        }
        let strips = SpecialTokenStripping(source, specials: (controls + userDefined).map(\.token))
        return SpecialTokens(
            controls: controls, userDefined: userDefined, stripsLeft: strips.left, stripsRight: strips.right)
    }
}
