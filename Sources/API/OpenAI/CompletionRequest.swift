import Engine
import JSON

/// `POST /v1/completions`: its body, validated.
struct CompletionRequest: Sendable {
    /// What OpenAI's API does when the request names no limit.
    static let tokensMaxDefault = 16

    var prompts: [TextPrompt]
    /// 0 only reads the prompt.
    var tokensMax: Int
    /// Alternatives beside each token; nil is no log-probabilities at all.
    var logprobs: Int?
    /// The prompts stand before their answers.
    var echoes: Bool
    /// The text that follows the answers (`suffix`); empty is none.
    var suffix: String
    var common: GenerationFields

    /// - Parameter sampling: what holds where the request says nothing.
    init(_ body: JSONObject, vocabularyCount: Int, sampling: SamplingParameters = SamplingParameters())
        throws(APIError)
    {
        var fields = RequestFields(body)
        common = try GenerationFields(reading: &fields, sampling: sampling)
        prompts = try TextPrompt.list(
            "prompt", &fields, countMax: APILimits.promptCountMax, vocabularyCount: vocabularyCount)
        guard common.context.overflow != .truncateOldestTurns else {
            throw .invalid(
                "context_overflow",
                "'context_overflow' is 'truncate_oldest_turns', but only chats have turns.",
                code: "unsupported_value")
        }
        common.bestOf = try Self.bestOf(&fields, common)
        guard prompts.count * common.generatedCount <= APILimits.choiceTotalMax else {
            throw .invalid(
                "n",
                "\(prompts.count) prompts with \(common.generatedCount) answers each are more than the "
                    + "\(APILimits.choiceTotalMax) answers of one request.",
                code: "invalid_value")
        }
        let older = try fields.integer("max_tokens", in: 0...Int64(Int32.max))
        tokensMax =
            try fields.integer("max_completion_tokens", in: 0...Int64(Int32.max)) ?? older
            ?? Self.tokensMaxDefault
        try common.checkTokensMin(tokensMax, param: "max_tokens")
        logprobs = try fields.integer("logprobs", in: 0...Int64(APILimits.topLogprobsMax))
        try common.checkBeams()
        common.beams?.alternatives = logprobs ?? 0
        echoes = try fields.bool("echo") ?? false
        suffix = try fields.string("suffix") ?? ""
        guard suffix.isEmpty || !echoes else {
            throw .invalid(
                "echo", "'echo' is not allowed together with 'suffix'.", code: "unsupported_value")
        }
        try common.noteUnused(&fields)
    }

    /// `best_of`: answers of which the `n` likeliest are given.
    private static func bestOf(_ fields: inout RequestFields, _ common: GenerationFields) throws(APIError)
        -> Int?
    {
        // 0 is an old client's word for nothing.
        guard let best = try fields.integer("best_of", in: 0...Int64(APILimits.choiceCountMax)), best > 0
        else { return nil }
        guard best >= common.choiceCount else {
            throw .invalid(
                "best_of", "'best_of' is \(best), but must not be smaller than 'n' (\(common.choiceCount)).",
                code: "invalid_value")
        }
        guard best > common.choiceCount else { return nil }
        guard !common.streams else {
            throw .invalid(
                "best_of",
                "'best_of' is larger than 'n', which is not allowed together with \"stream\": true.",
                code: "unsupported_value")
        }
        return best
    }
}
