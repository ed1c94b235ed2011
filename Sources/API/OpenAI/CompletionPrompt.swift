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

extension IncrementalDetokenizer {
    /// The text of these tokens, as one of its own; what is no UTF-8 is repaired.
    static func text(of tokens: [TokenID], _ tokenizer: Tokenizer) -> [UInt8] {
        var detokenizer = IncrementalDetokenizer(tokenizer, continuesText: false)
        return tokens.flatMap { detokenizer.append($0) } + detokenizer.finish()
    }
}
