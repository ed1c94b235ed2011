import ModelFiles

@testable import Tokenization

/// Vocabularies small enough to work an example by hand.
enum SmallVocabularies {
    /// Byte pairs: the letters a–z, space, newline, digits and <|>; some merges; two control tokens; one
    /// user-defined token.
    static func bytePairs() -> TokenizerSource {
        var source = TokenizerSource(model: "gpt2")
        source.preTokenizer = "gpt-2"
        let letters = "abcdefghijklmnopqrstuvwxyz0123456789<|>_/".map(String.init) + ["Ġ", "Ċ", "Ã", "©"]
        let words = ["th", "the", "Ġt", "Ġthe", "he", "ll", "Ã©", "in"]
        let special = ["<|im_start|>", "<|im_end|>", "<tool>"]
        source.tokens = FlatStrings(letters + words + special)
        source.kinds =
            Array(repeating: .normal, count: letters.count + words.count) + [
                .control, .control, .userDefined,
            ]
        source.merges = FlatStrings(["Ġ t", "h e", "t h", "Ġt he", "th e", "l l", "Ã ©", "i n"])
        source.eos = TokenID(source.tokens.count - 2)
        return source
    }

    /// SentencePiece: all byte tokens, some letters and pieces with scores.
    static func sentencePieces(spacePrefix: Bool = true) -> TokenizerSource {
        var source = TokenizerSource(model: "llama")
        let special = ["<unk>", "<s>", "</s>"]
        let bytes = (0..<256).map { String(decoding: ByteToken.text(UInt8($0)), as: UTF8.self) }
        let pieces: [(String, Float)] = [
            ("▁", -1), ("a", -2), ("b", -2), ("c", -2), ("h", -2), ("e", -2), ("l", -2), ("o", -2),
            ("ab", -5), ("bc", -4),
            ("▁a", -6), ("he", -3), ("ll", -3), ("hell", -4), ("hello", -4.5), ("▁hello", -3.5), ("lo", -2.5),
        ]
        source.tokens = FlatStrings(special + bytes + pieces.map(\.0))
        source.kinds =
            [.unknown, .control, .control] + Array(repeating: .byte, count: 256)
            + Array(repeating: .normal, count: pieces.count)
        source.scores = Array(repeating: 0, count: 3 + 256) + pieces.map(\.1)
        source.addsSpacePrefix = spacePrefix
        return source
    }

    static func wordPieces() -> TokenizerSource {
        var source = TokenizerSource(model: "bert")
        let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
        let pieces = ["▁hello", "▁he", "llo", "▁,", "▁world", "ly", "▁中", "▁a", "b"]
        source.tokens = FlatStrings(special + pieces)
        source.kinds = Array(repeating: .control, count: 4) + Array(repeating: .normal, count: pieces.count)
        source.bos = 2
        source.separator = 3
        source.unknown = 1
        return source
    }

    /// The texts of tokens as the vocabulary writes them.
    static func texts(_ source: TokenizerSource, _ tokens: [TokenID]) -> [String] {
        tokens.map { String(decoding: source.tokens[Int($0)], as: UTF8.self) }
    }
}
