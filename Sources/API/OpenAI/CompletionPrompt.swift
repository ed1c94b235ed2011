import ModelFiles
import Tokenization

extension CompletionRequest {
    /// The prompts as the model reads them: with a suffix, as a question for what stands before it.
    func promptTokens(_ model: ServedModel) throws(APIError) -> [[TokenID]] {
        let tokenizer = model.tokenizer
        guard !suffix.isEmpty else { return prompts.map { $0.encoded(tokenizer, isFirst: true) } }
        guard let fill = tokenizer.fillInMiddle else {
            throw .invalid(
                "suffix",
                "'suffix' is not supported: the model '\(model.id)' has no fill-in-the-middle tokens.",
                code: "unsupported_parameter")
        }
        let opening = tokenizer.addsBOS ? [tokenizer.bosToken].compactMap { $0 } : []
        let behind = tokenizer.encode(suffix, addSpecial: false, parseSpecial: false)
        return prompts.map {
            opening + fill.prompt(before: $0.encoded(tokenizer, isFirst: false), behind: behind)
        }
    }
}

extension CompletionRequest.Prompt {
    /// A user's text never becomes a special token; BOS is the vocabulary's affair.
    ///
    /// - Parameter isFirst: nothing stands before it.
    fileprivate func encoded(_ tokenizer: Tokenizer, isFirst: Bool) -> [TokenID] {
        switch self {
        case .text(let text): tokenizer.encode(text, addSpecial: isFirst, parseSpecial: false)
        case .tokens(let tokens): tokens
        case .mixed(let parts):
            parts.enumerated().flatMap { $0.element.encoded(tokenizer, isFirst: isFirst && $0.offset == 0) }
        }
    }

    /// UTF-8.
    func text(_ tokenizer: Tokenizer) -> [UInt8] {
        switch self {
        case .text(let text): Array(text.utf8)
        case .tokens, .mixed: IncrementalDetokenizer.text(of: encoded(tokenizer, isFirst: true), tokenizer)
        }
    }
}

extension IncrementalDetokenizer {
    /// The text of these tokens, as one of its own; what is no UTF-8 is repaired.
    static func text(of tokens: [TokenID], _ tokenizer: Tokenizer) -> [UInt8] {
        var detokenizer = IncrementalDetokenizer(tokenizer, continuesText: false)
        return tokens.flatMap { detokenizer.append($0) } + detokenizer.finish()
    }
}
