/// Tokens that end an answer are known by their text, because many files do not say.
enum EndTexts {
    /// Whatever their type says, these are control tokens. Source: llama.cpp's list.
    private static let always: Set<[UInt8]> = bytes([
        "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",
        "<end_of_turn>",
        "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>",
        "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>", "<｜end▁of▁sentence｜>", "[e~[",
    ])

    /// These end an answer if their type is control: padding, and the borders between files of a repository.
    private static let ifControl: Set<[UInt8]> = bytes([
        "<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]", "<|fim_repo|>", "<|repo_name|>",
        "<fim-repo>",
        "<REPO>", "<reponame>", "<|file_sep|>",
    ])

    /// The longest of all: longer tokens need no look.
    private static let bytesMax = always.union(ifControl).map(\.count).max() ?? 0

    private static func bytes(_ texts: [String]) -> Set<[UInt8]> { Set(texts.map { Array($0.utf8) }) }

    enum Answer {
        case no
        case always
        case ifControl
    }

    static func ends(_ text: ArraySlice<UInt8>) -> Answer {
        // Nearly every token is ruled out here.
        guard text.count <= bytesMax, let first = text.first,
            first == UInt8(ascii: "<") || first == UInt8(ascii: "[") || first == UInt8(ascii: "_")
        else { return .no }
        let text = Array(text)
        if always.contains(text) { return .always }
        return ifControl.contains(text) ? .ifControl : .no
    }

    /// The harmony and solar formats use <|end|> between the parts of one answer; it ends none where these
    /// exist.
    static func endIsInside(_ texts: Set<String>) -> Bool {
        let calls = texts.contains("<|call|>") || texts.contains("<|calls|>")
        return calls && (texts.contains("<|return|>") || texts.contains("<|flush|>"))
    }

    /// Where one of these exists, </s> is an ordinary text.
    static func closingTagIsText(_ texts: Set<String>) -> Bool {
        texts.contains("<|tool_response>") || texts.contains("<|plamo:eos|>")
    }
}
