import ModelFiles

/// Which special tokens take the white space beside them along. Model files do not say; the model's name
/// does. Source: the end of `llama_vocab::impl::load` in llama.cpp.
struct SpecialTokenStripping {
    private(set) var left: Set<TokenID> = []
    private(set) var right: Set<TokenID> = []

    init(_ source: TokenizerSource, specials: [TokenID]) {
        let name = source.modelName.lowercased()
        if name.contains("phi-3") || name.contains("phi3") {
            let exceptions: Set<String> = ["<unk>", "<s>", "<|endoftext|>"]
            right = Set(specials.filter { !exceptions.contains(Self.text($0, source)) })
        } else if name.contains("modern-bert") {
            left = Set(specials.filter { Self.text($0, source) == "[MASK]" })
        } else if ["jina-v2-de", "jina-v2-es", "jina-v2-code"].contains(source.preTokenizer) {
            left = Set(specials.filter { Self.text($0, source) == "<mask>" })
        }
    }

    private static func text(_ token: TokenID, _ source: TokenizerSource) -> String {
        String(decoding: source.tokens[Int(token)], as: UTF8.self)
    }
}
