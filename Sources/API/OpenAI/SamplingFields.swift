import Engine
import JSON
import ModelFiles

extension SamplingParameters {
    /// - Parameter defaults: what holds where the request says nothing: OpenAI's defaults, or the model file's own.
    init(reading fields: inout RequestFields, defaults: SamplingParameters = SamplingParameters())
        throws(APIError)
    {
        self = defaults
        try readTemperature(&fields)
        try readTruncation(&fields)
        try readPenalties(&fields)
        try readMirostat(&fields)
        try readRepetitionBreaker(&fields)
        order = try Self.order(&fields) ?? order
        if let seed = try fields.integer("seed", in: Int64.min...Int64.max), seed != -1 {
            // -1 is llama-server's word for "draw one".
            self.seed = UInt64(bitPattern: Int64(seed))
        }
    }

    private mutating func readTemperature(_ fields: inout RequestFields) throws(APIError) {
        let range = 0...APILimits.temperatureMax
        temperature = try fields.number("temperature", in: range) ?? temperature
        dynamicRange = try fields.number("dynatemp_range", in: range) ?? dynamicRange
        dynamicExponent = try fields.number("dynatemp_exponent", in: range) ?? dynamicExponent
    }

    private mutating func readTruncation(_ fields: inout RequestFields) throws(APIError) {
        topP = try fields.number("top_p", in: 0...1) ?? topP
        minP = try fields.number("min_p", in: 0...1) ?? minP
        typicalP = try fields.number("typical_p", in: 0...1) ?? typicalP
        let counts = -1...Int64(Int32.max)
        // -1 is vLLM's way to switch it off, 0 is llama-server's.
        if let count = try fields.integer("top_k", in: counts) { topK = max(0, count) }
        // Here -1 is llama-server's.
        if let sigma = try fields.number("top_n_sigma", in: -1...APILimits.topNSigmaMax) {
            topNSigma = max(0, sigma)
        }
        xtcProbability = try fields.number("xtc_probability", in: 0...1) ?? xtcProbability
        xtcThreshold = try fields.number("xtc_threshold", in: 0...1) ?? xtcThreshold
        keptMin = try fields.integer("min_keep", in: 0...Int64(Int32.max)) ?? keptMin
    }

    private mutating func readPenalties(_ fields: inout RequestFields) throws(APIError) {
        presencePenalty = try fields.number("presence_penalty", in: -2...2) ?? presencePenalty
        frequencyPenalty = try fields.number("frequency_penalty", in: -2...2) ?? frequencyPenalty
        // vLLM's name and llama-server's.
        let penalty = try fields.number("repeat_penalty", in: APILimits.repetitionPenalties)
        repetitionPenalty =
            try fields.number("repetition_penalty", in: APILimits.repetitionPenalties) ?? penalty
            ?? repetitionPenalty
        // -1 is the whole context.
        if let window = try fields.integer("repeat_last_n", in: -1...Int64(Int32.max)) {
            repetitionWindow = window == -1 ? nil : window
        }
    }

    private mutating func readMirostat(_ fields: inout RequestFields) throws(APIError) {
        let version = try fields.integer("mirostat", in: 0...2)
        let tau = try fields.number("mirostat_tau", in: 0...APILimits.mirostatTauMax)
        let eta = try fields.number("mirostat_eta", in: 0...1)
        if let version {
            let usual = mirostat ?? Mirostat(version: version)
            mirostat = version == 0 ? nil : usual
            mirostat?.version = version
        }
        if let tau { mirostat?.tau = tau }
        if let eta { mirostat?.eta = eta }
    }

    private mutating func readRepetitionBreaker(_ fields: inout RequestFields) throws(APIError) {
        let counts = Int64(Int32.max)
        dry.multiplier =
            try fields.number("dry_multiplier", in: 0...APILimits.dryMultiplierMax) ?? dry.multiplier
        dry.base = try fields.number("dry_base", in: 1...APILimits.dryBaseMax) ?? dry.base
        dry.allowedLength = try fields.integer("dry_allowed_length", in: 0...counts) ?? dry.allowedLength
        if let window = try fields.integer("dry_penalty_last_n", in: -1...counts) {
            dry.window = window == -1 ? nil : window
        }
    }

    // MARK: - The order

    /// `samplers`: llama-server's names in an array, or its letters in a string.
    private static func order(_ fields: inout RequestFields) throws(APIError) -> [SamplerStage]? {
        guard let value = fields.take("samplers") else { return nil }
        var stages: [SamplerStage] = []
        switch value {
        case .array(let names):
            for (index, name) in names.enumerated() {
                let path = "samplers[\(index)]"
                guard let text = name.string else { throw .wrongType(path, name, "a sampler's name") }
                stages.append(try stage(SamplerStage(name: text), path, text))
            }
        case .string(let letters):
            for letter in letters {
                stages.append(try stage(SamplerStage(letter: letter), "samplers", String(letter)))
            }
        default: throw fields.wrongType("samplers", value, "an array of names or a string of letters")
        }
        guard Set(stages).count == stages.count else {
            throw .invalid("samplers", "'samplers' names a sampler twice.", code: "invalid_value")
        }
        return stages == SamplerStage.usualOrder ? nil : stages
    }

    private static func stage(_ stage: SamplerStage?, _ path: String, _ text: String) throws(APIError)
        -> SamplerStage
    {
        guard let stage else {
            let names = SamplerStage.allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalid(
                path, "'\(path)' is '\(text.prefix(64))', but the samplers are \(names).",
                code: "invalid_value")
        }
        return stage
    }
}

extension SamplerStage {
    /// llama-server's names, the short ones included.
    init?(name: String) {
        switch name {
        case "typical_p", "typical": self = .typicalP
        case "temp": self = .temperature
        case "nucleus": self = .topP
        default: self.init(rawValue: name)
        }
    }

    /// llama-server's letters.
    init?(letter: Character) {
        switch letter {
        case "e": self = .penalties
        case "d": self = .dry
        case "s": self = .topNSigma
        case "k": self = .topK
        case "y": self = .typicalP
        case "p": self = .topP
        case "m": self = .minP
        case "x": self = .xtc
        case "t": self = .temperature
        default: return nil
        }
    }
}
