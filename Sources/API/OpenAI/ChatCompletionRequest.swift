import Engine
import JSON

/// `POST /v1/chat/completions`: its body, validated.
struct ChatCompletionRequest: Sendable {
    /// As the template takes them: every `content` is a string.
    var messages: [JSONValue]
    /// The most tokens of an answer; nil leaves it to the context.
    var tokensMax: Int?
    var wantsLogprobs: Bool
    var topLogprobs: Int
    var tools: ToolFields
    var reasoning: ReasoningFields
    var common: GenerationFields

    /// - Parameter sampling: what holds where the request says nothing.
    init(_ body: JSONObject, sampling: SamplingParameters = SamplingParameters()) throws(APIError) {
        var fields = RequestFields(body)
        common = try GenerationFields(reading: &fields, sampling: sampling)
        messages = try ChatMessages.read(&fields)
        let range = 1...Int64(Int32.max)
        let older = try fields.integer("max_tokens", in: range)
        tokensMax = try fields.integer("max_completion_tokens", in: range) ?? older
        try common.checkTokensMin(tokensMax, param: "max_completion_tokens")
        wantsLogprobs = try fields.bool("logprobs") ?? false
        topLogprobs = try fields.integer("top_logprobs", in: 0...Int64(APILimits.topLogprobsMax)) ?? 0
        guard wantsLogprobs || topLogprobs == 0 else {
            throw .invalid("top_logprobs", "'top_logprobs' is only allowed together with \"logprobs\": true.")
        }
        tools = try ToolFields(reading: &fields)
        reasoning = try ReasoningFields(reading: &fields)
        try Self.refuseOtherForms(&fields)
        try common.checkBeams()
        common.beams?.alternatives = topLogprobs
        common.noteUnused(fields)
        common.ignored.names += tools.ignoredNames
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
