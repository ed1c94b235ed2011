import Engine
import JSON

/// The fields that a chat and a completion have in common, validated.
struct GenerationFields: Sendable {
    /// Answers to each prompt (`n`).
    var choiceCount = 1
    /// Answers of which the likeliest are given (`best_of`); nil gives all.
    var bestOf: Int?
    var sampling = SamplingParameters()
    /// Nil draws tokens.
    var beams: BeamFields?
    /// UTF-8 of the strings that end an answer.
    var stops: [[UInt8]] = []
    /// The fields that speak of tokens.
    var tokens = TokenFields()
    /// What ended an answer is part of it (`include_stop_str_in_output`).
    var includesStop = false
    /// Tokens of an answer before which nothing ends it but its limit (`min_tokens`).
    var tokensMin = 0
    /// Control tokens show their texts (`skip_special_tokens` is false).
    var showsSpecial = false
    /// Log-probabilities are of the distribution that is drawn from (`post_sampling_probs`).
    var reportsSampledDistribution = false
    var streams = false
    /// The stream ends with a chunk of usage (`stream_options.include_usage`).
    var streamsUsage = false
    /// Every chunk has the usage so far (`stream_options.continuous_usage_stats`).
    var streamsUsageInChunks = false
    /// A stream tells how far the prompts were read (`return_progress`).
    var returnsProgress = false
    /// Chunks and answers say where the time went (`timings_per_token`).
    var returnsTimings = false
    /// The end-of-generation tokens are never drawn (`ignore_eos`).
    var ignoresEnd = false
    var returnsTokenIDs = false
    /// Only requests with the same one find each other's prompts (`cache_salt`).
    var cacheSalt = ""
    /// Whether computed prompts are found and kept (`cache_prompt`).
    var usesPrefixCache = true
    var urgency = Urgency()
    /// Alternatives beside each token of the prompt (`prompt_logprobs`); nil reports none.
    var promptLogprobs: Int?
    /// What to do when the context is too small.
    var context = ContextFields()
    /// Fields without effect, filled when all others have been read (`noteUnused`).
    private(set) var ignored = IgnoredFields()

    /// Answers to each prompt that the engine makes.
    var generatedCount: Int { bestOf ?? choiceCount }

    /// The defaults, which are OpenAI's.
    init() {}

    /// - Parameter sampling: what holds where the request says nothing.
    init(reading fields: inout RequestFields, sampling defaults: SamplingParameters) throws(APIError) {
        // Read before, to find the model.
        _ = try fields.string("model")
        choiceCount = try fields.integer("n", in: 1...Int64(APILimits.choiceCountMax)) ?? 1
        sampling = try SamplingParameters(reading: &fields, defaults: defaults)
        tokens = try TokenFields(reading: &fields)
        stops = try Self.stops(&fields)
        includesStop = try fields.bool("include_stop_str_in_output") ?? false
        tokensMin = try fields.integer("min_tokens", in: 0...Int64(Int32.max)) ?? 0
        showsSpecial = try fields.bool("skip_special_tokens").map { !$0 } ?? false
        reportsSampledDistribution = try fields.bool("post_sampling_probs") ?? false
        streams = try fields.bool("stream") ?? false
        promptLogprobs = try fields.integer("prompt_logprobs", in: 0...Int64(APILimits.topLogprobsMax))
        if streams, promptLogprobs != nil {
            throw .invalid(
                "prompt_logprobs", "'prompt_logprobs' is not allowed together with \"stream\": true.",
                code: "unsupported_value")
        }
        ignoresEnd = try fields.bool("ignore_eos") ?? false
        returnsTokenIDs = try fields.bool("return_token_ids") ?? false
        context = try ContextFields(reading: &fields)
        returnsTimings = try fields.bool("timings_per_token") ?? false
        // Without a stream there is nothing to tell it in.
        if streams { returnsProgress = try fields.bool("return_progress") ?? false }
        cacheSalt = try Self.cacheSalt(&fields)
        usesPrefixCache = try fields.bool("cache_prompt") ?? true
        urgency = try Urgency(reading: &fields)
        if let options = try fields.object("stream_options") {
            guard streams else {
                throw .invalid(
                    "stream_options", "'stream_options' is only allowed together with \"stream\": true.")
            }
            var optionFields = RequestFields(options, path: "stream_options.")
            streamsUsage = try optionFields.bool("include_usage") ?? false
            streamsUsageInChunks = try optionFields.bool("continuous_usage_stats") ?? false
            ignored.names = optionFields.unusedNames
        }
        beams = try BeamFields.read(&fields, ignored: &ignored.names)
        try Self.refuseOtherForms(&fields)
        Self.acceptNoOps(&fields)
    }

    /// To be called when everything was read.
    ///
    /// - Parameter others: Names of fields without effect within other fields.
    mutating func noteUnused(_ fields: inout RequestFields, and others: [String] = []) throws(APIError) {
        ignored = try fields.ignored(and: ignored.names + others)
    }

    /// To be called when the answer's limit is known.
    func checkTokensMin(_ tokensMax: Int?, param: String) throws(APIError) {
        guard let tokensMax, tokensMin > tokensMax else { return }
        throw .invalid(
            "min_tokens",
            "'min_tokens' is \(tokensMin), but must not be larger than '\(param)' (\(tokensMax)).",
            code: "invalid_value")
    }

    /// To be called when the number of answers is known.
    func checkBeams() throws(APIError) {
        guard beams != nil, generatedCount > APILimits.beamCountMax else { return }
        throw .invalid(
            "n",
            "\(generatedCount) beams are asked for, but 'use_beam_search' has at most \(APILimits.beamCountMax).",
            code: "invalid_value")
    }

    private static func cacheSalt(_ fields: inout RequestFields) throws(APIError) -> String {
        guard let salt = try fields.string("cache_salt") else { return "" }
        guard (1...APILimits.cacheSaltBytesMax).contains(salt.utf8.count) else {
            throw .invalid(
                "cache_salt",
                "'cache_salt' has \(salt.utf8.count) bytes, but must have 1 to \(APILimits.cacheSaltBytesMax).",
                code: "invalid_value")
        }
        return salt
    }

    private static func stops(_ fields: inout RequestFields) throws(APIError) -> [[UInt8]] {
        guard let value = fields.take("stop") else { return [] }
        let elements: [(path: String, value: JSONValue)]
        switch value {
        case .string: elements = [("stop", value)]
        case .array(let values):
            guard values.count <= APILimits.stopCountMax else {
                throw .invalid(
                    "stop",
                    "'stop' has \(values.count) strings, but may have at most \(APILimits.stopCountMax).",
                    code: "array_above_max_length")
            }
            elements = values.enumerated().map { ("stop[\($0.offset)]", $0.element) }
        default: throw fields.wrongType("stop", value, "a string or an array of strings")
        }
        var stops: [[UInt8]] = []
        for (path, element) in elements {
            guard let text = element.string else { throw .wrongType(path, element, "a string") }
            guard (1...APILimits.stopBytesMax).contains(text.utf8.count) else {
                throw .invalid(
                    path,
                    "'\(path)' has \(text.utf8.count) bytes, but must have 1 to \(APILimits.stopBytesMax).",
                    code: "invalid_value")
            }
            stops.append(Array(text.utf8))
        }
        return stops
    }

    /// Fields that would change the answer's form: serving them as if they were absent would break the client.
    private static func refuseOtherForms(_ fields: inout RequestFields) throws(APIError) {
        if let format = try fields.object("response_format") {
            let type = format["type"]?.string
            guard type == "text" else {
                let found = type.map { "'\($0.prefix(64))'" } ?? "missing"
                throw .invalid(
                    "response_format.type",
                    "'response_format.type' is \(found), but only 'text' is supported.",
                    code: "unsupported_value")
            }
        }
        let constraints = [
            "grammar", "json_schema", "structured_outputs", "guided_json", "guided_regex", "guided_choice",
            "guided_grammar",
        ]
        for name in constraints where fields.peek(name) != nil {
            throw .invalid(
                name, "'\(name)' is not supported: the answer cannot be constrained.",
                code: "unsupported_parameter")
        }
    }

    /// Unsupported fields whose value asks for what happens anyway are not worth a word.
    private static func acceptNoOps(_ fields: inout RequestFields) {
        fields.takeIf("store") { $0.bool == false }
        fields.takeIf("spaces_between_special_tokens") { $0.bool == true }
    }
}
