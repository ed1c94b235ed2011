import JSON

/// `use_beam_search` and what belongs to it.
struct BeamFields: Sendable, Equatable {
    /// `length_penalty`
    var lengthPenalty = 1.0
    /// `early_stopping`
    var stopsEarly = false
    /// Alternatives that the answer shows beside each token.
    var alternatives = 0

    /// Fields that would draw tokens in another way, or show them before the search has ended.
    private static let strangers = [
        "stop", "logit_bias", "allowed_token_ids", "bad_words", "mirostat", "dry_multiplier",
        "presence_penalty",
        "frequency_penalty", "repetition_penalty", "repeat_penalty", "samplers", "post_sampling_probs",
        "include_stop_str_in_output", "prompt_logprobs", "echo", "timings_per_token",
    ]
    /// Fields that have no effect, because nothing is left to chance.
    private static let idle = [
        "temperature", "top_p", "top_k", "min_p", "typical_p", "top_n_sigma", "xtc_probability",
        "xtc_threshold",
        "dynatemp_range", "dynatemp_exponent", "min_keep", "seed",
    ]

    /// Nil when no beam search is wanted.
    ///
    /// - Parameter ignored: gets the fields that have no effect beside it.
    static func read(_ fields: inout RequestFields, ignored: inout [String]) throws(APIError) -> BeamFields? {
        guard try fields.bool("use_beam_search") ?? false else { return nil }
        var beams = BeamFields()
        let penalty = try fields.number(
            "length_penalty", in: -APILimits.lengthPenaltyMax...APILimits.lengthPenaltyMax)
        beams.lengthPenalty = Double(penalty ?? 1)
        beams.stopsEarly = try fields.bool("early_stopping") ?? false
        let strangers =
            Self.strangers + (fields.peek("stream")?.bool == true ? ["stream"] : [])
            + (fields.peek("context_overflow")?.string == "shift" ? ["context_overflow"] : [])
        for name in strangers {
            guard let value = fields.peek(name), !asksForNothing(value, name) else { continue }
            throw .invalid(
                name, "'\(name)' is not allowed together with 'use_beam_search'.", code: "unsupported_value")
        }
        ignored += idle.filter { fields.peek($0) != nil }
        return beams
    }

    private static func asksForNothing(_ value: JSONValue, _ name: String) -> Bool {
        switch value {
        case .null: true
        case .bool(let flag): !flag
        case .int, .number:
            // A penalty that multiplies does nothing when it is 1; 0 alternatives ask for the prompt's own.
            value.double == (name.hasPrefix("repe") ? 1 : 0) && name != "prompt_logprobs"
        case .string(let text): text.isEmpty
        case .array(let elements): elements.isEmpty
        case .object(let members): members.isEmpty
        }
    }
}
