/// Tokens that end an answer are known by their text, because many files do not say.
enum EndTexts {
    /// Whatever their type says, these are control tokens. Source: llama.cpp's list.
    static let always: Set<String> = [
        "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>", "<end_of_turn>",
        "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>",
        "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>", "<｜end▁of▁sentence｜>", "[e~[",
    ]

    /// These end an answer if their type is control: padding, and the borders between files of a repository.
    static let ifControl: Set<String> = [
        "<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]", "<|fim_repo|>", "<|repo_name|>", "<fim-repo>",
        "<REPO>", "<reponame>", "<|file_sep|>",
    ]

    /// The longest of all, in bytes: longer tokens need no look.
    static let bytesMax = always.union(ifControl).map(\.utf8.count).max() ?? 0

    /// The harmony and solar formats use <|end|> between the parts of one answer; it ends none where these exist.
    static func endIsInside(_ texts: Set<String>) -> Bool {
        (texts.contains("<|return|>") && (texts.contains("<|call|>") || texts.contains("<|calls|>")))
            || ((texts.contains("<|call|>") || texts.contains("<|calls|>")) && texts.contains("<|flush|>"))
    }

    /// Where one of these exists, </s> is an ordinary text.
    static func closingTagIsText(_ texts: Set<String>) -> Bool {
        texts.contains("<|tool_response>") || texts.contains("<|plamo:eos|>")
    }
}
