import Engine
import JSON

/// `POST /v1/chat/completions`: its body, validated.
struct ChatCompletionRequest: Sendable {
    var input: ChatInput
    /// The most tokens of an answer; nil leaves it to the context.
    var tokensMax: Int?
    var wantsLogprobs: Bool
    var topLogprobs: Int
    var common: GenerationFields

    /// - Parameter sampling: what holds where the request says nothing.
    init(_ body: JSONObject, sampling: SamplingParameters = SamplingParameters()) throws(APIError) {
        var fields = RequestFields(body)
        common = try GenerationFields(reading: &fields, sampling: sampling)
        input = try ChatInput(reading: &fields)
        let range = 1...Int64(Int32.max)
        let older = try fields.integer("max_tokens", in: range)
        tokensMax = try fields.integer("max_completion_tokens", in: range) ?? older
        try common.checkTokensMin(tokensMax, param: "max_completion_tokens")
        wantsLogprobs = try fields.bool("logprobs") ?? false
        topLogprobs = try fields.integer("top_logprobs", in: 0...Int64(APILimits.topLogprobsMax)) ?? 0
        guard wantsLogprobs || topLogprobs == 0 else {
            throw .invalid("top_logprobs", "'top_logprobs' is only allowed together with \"logprobs\": true.")
        }
        try Self.refuseOtherForms(&fields)
        try common.checkBeams()
        common.beams?.alternatives = topLogprobs
        try common.noteUnused(&fields, and: input.tools.ignoredNames)
    }

    private static func refuseOtherForms(_ fields: inout RequestFields) throws(APIError) {
        fields.takeIf("modalities") { $0 == ["text"] }
        if let modalities = try fields.array("modalities"), modalities != ["text"] {
            throw .invalid(
                "modalities", "'modalities' must be [\"text\"]: nothing else is produced.",
                code: "unsupported_value")
        }
    }
}
