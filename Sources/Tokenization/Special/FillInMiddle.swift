import ModelFiles

/// The tokens by which a model is asked for the text between two others.
public struct FillInMiddle: Sendable, Equatable {
    let prefix: TokenID
    let suffix: TokenID
    let middle: TokenID

    /// The names that models give them where the file names no ids (llama.cpp, `llama_vocab::impl::load`).
    private static let texts: [[String]] = [
        [
            "<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>", "▁<PRE>",
            "<|code_prefix|>", "<|prefix|>",
        ],
        [
            "<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>",
            "<|code_suffix|>", "<|suffix|>",
        ],
        [
            "<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>", "▁<MID>",
            "<|code_middle|>", "<|middle|>",
        ],
    ]

    /// Nil when the model does not have all three.
    init?(_ source: TokenizerSource) {
        var found = source.fillInMiddle.map { id in
            id.flatMap { 0..<source.tokens.count ~= Int($0) ? $0 : nil }
        }
        if found.contains(nil) {
            var places: [[UInt8]: Int] = [:]
            for (place, names) in Self.texts.enumerated() {
                for name in names { places[Array(name.utf8)] = place }
            }
            for id in 0..<source.tokens.count {
                let text = source.tokens[id]
                guard text.last == UInt8(ascii: ">"), let place = places[Array(text)], found[place] == nil
                else { continue }
                found[place] = TokenID(truncatingIfNeeded: id)
            }
        }
        guard let prefix = found[0], let suffix = found[1], let middle = found[2] else { return nil }
        self.prefix = prefix
        self.suffix = suffix
        self.middle = middle
    }

    /// The prompt for what stands between two texts, without the tokens that open a text.
    public func prompt(before: [TokenID], behind: [TokenID]) -> [TokenID] {
        [prefix] + before + [suffix] + behind + [middle]
    }
}
