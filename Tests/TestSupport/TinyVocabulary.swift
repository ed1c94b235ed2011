/// A vocabulary of some three hundred tokens that can write any text: all bytes, some pieces of English, and
/// the control tokens of a chat format.
public struct TinyVocabulary: Sendable {
    /// The values of `tokenizer.ggml.token_type`.
    enum Kind: Int32 {
        case normal = 1
        case unknown = 2
        case control = 3
        case byte = 6
    }

    public struct Token: Sendable {
        public let text: String
        let kind: Kind
        let score: Float
    }

    /// By token id.
    public let tokens: [Token]
    let addMetadata: @Sendable (inout GGUFWriter) -> Void
    let chatTemplate: String

    /// The id of a token by its text as it stands in the file.
    public func id(_ text: String) -> Int32? {
        tokens.firstIndex { $0.text == text }.map(Int32.init)
    }

    func addMetadata(to writer: inout GGUFWriter, chatTemplate hasTemplate: Bool) {
        addMetadata(&writer)
        writer.set("tokenizer.ggml.tokens", strings: tokens.map(\.text))
        writer.set("tokenizer.ggml.token_type", .array(.int32, tokens.map { .int32($0.kind.rawValue) }))
        if hasTemplate { writer.set("tokenizer.chat_template", .string(chatTemplate)) }
    }
}

// MARK: - Byte pairs

extension TinyVocabulary {
    /// Byte-level BPE as SmolLM2 has it: `<|endoftext|>` 0, `<|im_start|>` 1, `<|im_end|>` 2, the bytes,
    /// and what the merges make.
    public static let bytePairs: TinyVocabulary = {
        let control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
        let texts = byteLetters + merges.map { $0.0 + $0.1 }
        let tokens =
            control.map { Token(text: $0, kind: .control, score: 0) }
            + texts.map { Token(text: $0, kind: .normal, score: 0) }
        return TinyVocabulary(tokens: tokens, addMetadata: addBytePairMetadata, chatTemplate: chatML)
    }()

    /// GPT-2's letters for the 256 bytes: printable Latin-1 stands for itself, the others from U+0100 on.
    static let byteLetters: [String] = {
        var next: UInt32 = 0x100
        return (UInt32(0)...255).map { byte in
            if (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte) {
                return letter(byte)
            }
            defer { next += 1 }
            return letter(next)
        }
    }()

    private static func letter(_ code: UInt32) -> String { Unicode.Scalar(code).map { String($0) } ?? "" }

    /// In order of rank; both halves of each are letters or made by an earlier one. Ġ is the space.
    private static let merges: [(String, String)] = [
        ("Ġ", "t"), ("Ġ", "a"), ("h", "e"), ("i", "n"), ("r", "e"), ("o", "n"), ("Ġt", "he"), ("e", "r"),
        ("Ġ", "s"),
        ("a", "t"), ("Ġ", "w"), ("Ġ", "o"), ("e", "n"), ("Ġ", "c"), ("i", "t"), ("i", "s"), ("a", "n"),
        ("o", "r"),
        ("e", "s"), ("Ġ", "b"), ("e", "d"), ("Ġ", "f"), ("in", "g"), ("Ġ", "p"), ("o", "u"), ("Ġa", "n"),
        ("a", "l"),
        ("Ġan", "d"), ("l", "l"), ("H", "e"), ("He", "ll"), ("Hell", "o"), ("Ġo", "f"), ("l", "o"),
        ("Ġ", "Ġ"),
        ("u", "s"), ("s", "er"), ("us", "er"), ("a", "s"), ("as", "s"), ("is", "t"), ("ass", "ist"),
        ("an", "t"),
        ("assist", "ant"),
    ]

    private static func addBytePairMetadata(_ writer: inout GGUFWriter) {
        writer.set("tokenizer.ggml.model", .string("gpt2"))
        writer.set("tokenizer.ggml.pre", .string("smollm"))
        writer.set("tokenizer.ggml.merges", strings: merges.map { $0.0 + " " + $0.1 })
        writer.set("tokenizer.ggml.bos_token_id", .uint32(1))
        writer.set("tokenizer.ggml.eos_token_id", .uint32(2))
        writer.set("tokenizer.ggml.unknown_token_id", .uint32(0))
        writer.set("tokenizer.ggml.padding_token_id", .uint32(2))
        writer.set("tokenizer.ggml.add_bos_token", .bool(false))
        writer.set("tokenizer.ggml.add_space_prefix", .bool(false))
    }

    private static let chatML = """
        {% for message in messages %}\
        {{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{% endfor %}\
        {% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
        """
}

// MARK: - Scored pieces

extension TinyVocabulary {
    /// SPM as Gemma has it: `<pad>` 0, `<eos>` 1, `<bos>` 2, `<unk>` 3, the turns, the bytes, pieces and
    /// letters.
    public static let pieces: TinyVocabulary = {
        let control = ["<pad>", "<eos>", "<bos>"].map { Token(text: $0, kind: .control, score: 0) }
        let unknown = [Token(text: "<unk>", kind: .unknown, score: 0)]
        let turns = ["<start_of_turn>", "<end_of_turn>"].map { Token(text: $0, kind: .control, score: 0) }
        let bytes = (0...255).map { Token(text: byteName($0), kind: .byte, score: 0) }
        // The earlier a piece stands, the sooner it is made; letters come last.
        let texts =
            merges.map { ($0.0 + $0.1).replacing("Ġ", with: "▁") } + ["▁", "\n"] + (0x21...0x7E).map(letter)
        let normal = texts.enumerated().map { Token(text: $1, kind: .normal, score: -Float($0 + 1)) }
        return TinyVocabulary(
            tokens: control + unknown + turns + bytes + normal, addMetadata: addPieceMetadata,
            chatTemplate: turnsOfGemma)
    }()

    private static func byteName(_ byte: Int) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return "<0x" + (digits.utf8.count < 2 ? "0" : "") + digits + ">"
    }

    private static func addPieceMetadata(_ writer: inout GGUFWriter) {
        writer.set("tokenizer.ggml.model", .string("llama"))
        writer.set("tokenizer.ggml.pre", .string("default"))
        writer.set("tokenizer.ggml.scores", .array(.float32, pieces.tokens.map { .float32($0.score) }))
        writer.set("tokenizer.ggml.bos_token_id", .uint32(2))
        writer.set("tokenizer.ggml.eos_token_id", .uint32(1))
        writer.set("tokenizer.ggml.unknown_token_id", .uint32(3))
        writer.set("tokenizer.ggml.padding_token_id", .uint32(0))
        writer.set("tokenizer.ggml.add_bos_token", .bool(true))
        writer.set("tokenizer.ggml.add_eos_token", .bool(false))
        writer.set("tokenizer.ggml.add_space_prefix", .bool(false))
    }

    private static let turnsOfGemma = """
        {{ bos_token }}{% for message in messages %}\
        {{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else message['role']) + '\\n' \
        + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}\
        {% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}
        """
}
