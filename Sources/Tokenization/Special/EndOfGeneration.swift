import ModelFiles

/// Finds the tokens that end an answer, and corrects the types of those that a file calls ordinary.
struct EndOfGeneration {
    private(set) var kinds: [TokenKind]
    private(set) var tokens: Set<TokenID> = []

    init(_ source: TokenizerSource) {
        let count = source.tokens.count
        kinds =
            source.kinds.isEmpty ? Array(repeating: .normal, count: count) : Array(source.kinds.prefix(count))
        var named: [String: TokenID] = [:]
        for id in 0..<count {
            let text = source.tokens[id]
            let answer = EndTexts.ends(text)
            guard answer == .always || (answer == .ifControl && kinds[id] == .control) else { continue }
            named[String(decoding: text, as: UTF8.self)] = TokenID(truncatingIfNeeded: id)
            tokens.insert(TokenID(truncatingIfNeeded: id))
            if answer == .always { kinds[id] = .control }
        }
        let texts = Set(named.keys)
        if EndTexts.endIsInside(texts), let end = named["<|end|>"] { tokens.remove(end) }
        for id in [source.eos].compactMap({ $0 }) + source.otherEnds where id >= 0 && Int(id) < count {
            tokens.insert(id)
        }
        if EndTexts.closingTagIsText(texts), let tag = named["</s>"] {
            tokens.remove(tag)
            kinds[Int(tag)] = .normal
        }
    }
}
