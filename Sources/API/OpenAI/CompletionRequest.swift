import JSON
import ModelFiles

/// `POST /v1/completions`: its body, validated.
struct CompletionRequest: Sendable {
    enum Prompt: Sendable, Equatable {
        case text(String)
        case tokens([TokenID])
    }

    /// What OpenAI's API does when the request names no limit.
    static let tokensMaxDefault = 16

    var prompts: [Prompt]
    /// 0 only reads the prompt.
    var tokensMax: Int
    /// Alternatives beside each token; nil is no log-probabilities at all.
    var logprobs: Int?
    var common: GenerationFields

    init(_ body: JSONObject, vocabularyCount: Int) throws(APIError) {
        var fields = RequestFields(body)
        common = try GenerationFields(reading: &fields)
        prompts = try Self.prompts(&fields, vocabularyCount)
        guard prompts.count * common.choiceCount <= APILimits.choiceTotalMax else {
            throw .invalid(
                "n",
                "\(prompts.count) prompts with \(common.choiceCount) answers each are more than the "
                    + "\(APILimits.choiceTotalMax) answers of one request.",
                code: "invalid_value")
        }
        let older = try fields.integer("max_tokens", in: 0...Int64(Int32.max))
        tokensMax =
            try fields.integer("max_completion_tokens", in: 0...Int64(Int32.max)) ?? older
            ?? Self.tokensMaxDefault
        logprobs = try fields.integer("logprobs", in: 0...Int64(APILimits.topLogprobsMax))
        try Self.refuseOtherForms(&fields, choiceCount: common.choiceCount)
        common.noteUnused(fields)
    }

    private static func prompts(_ fields: inout RequestFields, _ vocabularyCount: Int) throws(APIError)
        -> [Prompt]
    {
        let right = "a string, an array of token ids, or an array of either"
        guard let value = fields.take("prompt") else { throw fields.missing("prompt", right) }
        switch value {
        case .string(let text): return [.text(text)]
        case .array(let elements):
            if case .int? = elements.first {
                return [
                    .tokens(try TokenIDs.read(elements, path: "prompt", vocabularyCount: vocabularyCount))
                ]
            }
            guard (1...APILimits.promptCountMax).contains(elements.count) else {
                throw .invalid(
                    "prompt",
                    "'prompt' has \(elements.count) elements, but must have 1 to \(APILimits.promptCountMax).",
                    code: "invalid_value")
            }
            var prompts: [Prompt] = []
            for (index, element) in elements.enumerated() {
                prompts.append(try prompt(element, path: "prompt[\(index)]", vocabularyCount))
            }
            return prompts
        default: throw fields.wrongType("prompt", value, right)
        }
    }

    private static func prompt(_ value: JSONValue, path: String, _ vocabularyCount: Int) throws(APIError)
        -> Prompt
    {
        switch value {
        case .string(let text): .text(text)
        case .array(let ids): .tokens(try TokenIDs.read(ids, path: path, vocabularyCount: vocabularyCount))
        default: throw .wrongType(path, value, "a string or an array of token ids")
        }
    }

    /// Fields that would change the answer's form, when they ask for something.
    private static func refuseOtherForms(_ fields: inout RequestFields, choiceCount: Int) throws(APIError) {
        if try fields.bool("echo") ?? false {
            throw .invalid(
                "echo", "'echo' is not supported: the prompt is not repeated.", code: "unsupported_parameter")
        }
        if let suffix = try fields.string("suffix"), !suffix.isEmpty {
            throw .invalid(
                "suffix", "'suffix' is not supported: text is only continued.", code: "unsupported_parameter")
        }
        if let best = try fields.integer("best_of", in: 0...Int64(APILimits.choiceCountMax)),
            best > choiceCount
        {
            throw .invalid(
                "best_of", "'best_of' is \(best), but must not be larger than 'n' (\(choiceCount)).",
                code: "unsupported_value")
        }
    }
}
