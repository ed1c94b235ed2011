import Engine
import JSON
import ModelFiles

extension SamplingParameters {
    init(reading fields: inout RequestFields) throws(APIError) {
        self.init()
        temperature = try fields.number("temperature", in: 0...APILimits.temperatureMax) ?? 1
        topP = try fields.number("top_p", in: 0...1) ?? 1
        minP = try fields.number("min_p", in: 0...1) ?? 0
        // -1 is vLLM's way to switch it off, 0 is llama-server's.
        topK = max(0, try fields.integer("top_k", in: -1...Int64(Int32.max)) ?? 0)
        presencePenalty = try fields.number("presence_penalty", in: -2...2) ?? 0
        frequencyPenalty = try fields.number("frequency_penalty", in: -2...2) ?? 0
        // vLLM's name and llama-server's.
        let penalty = try fields.number("repeat_penalty", in: APILimits.repetitionPenalties)
        repetitionPenalty =
            try fields.number("repetition_penalty", in: APILimits.repetitionPenalties) ?? penalty ?? 1
        // -1 is the whole context.
        let window = try fields.integer("repeat_last_n", in: -1...Int64(Int32.max))
        repetitionWindow = window == -1 ? nil : window
        logitBias = try Self.bias(&fields)
        if let seed = try fields.integer("seed", in: Int64.min...Int64.max), seed != -1 {
            // -1 is llama-server's word for "draw one".
            self.seed = UInt64(bitPattern: Int64(seed))
        }
    }

    /// `logit_bias`: token ids, as an object's names are, and what is added to their logits.
    private static func bias(_ fields: inout RequestFields) throws(APIError) -> [TokenID: Float] {
        guard let object = try fields.object("logit_bias") else { return [:] }
        guard object.count <= APILimits.logitBiasCountMax else {
            throw .invalid(
                "logit_bias",
                "'logit_bias' has \(object.count) tokens, but may have at most \(APILimits.logitBiasCountMax).",
                code: "invalid_value")
        }
        var members = RequestFields(object, path: "logit_bias.")
        var bias: [TokenID: Float] = [:]
        for (name, _) in object {
            guard let token = TokenID(name), token >= 0, let value = try members.number(name, in: -100...100)
            else {
                throw .invalid(
                    "logit_bias",
                    "'logit_bias' must map token ids to numbers between -100 and 100.", code: "invalid_value")
            }
            bias[token] = value
        }
        return bias
    }
}
