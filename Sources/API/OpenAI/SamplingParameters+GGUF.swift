import Engine
import ModelFiles

extension SamplingParameters {
    /// What a model file recommends (`general.sampling.*`), on top of OpenAI's defaults.
    ///
    /// - Throws: an error that names the key whose value cannot be used.
    public init(recommendedBy metadata: GGUFMetadata) throws(ModelFileError) {
        self.init()
        let file = Recommendations(metadata: metadata)
        temperature = try file.number("temp", 0...APILimits.temperatureMax) ?? temperature
        topK = try file.integer("top_k", 0...Int(Int32.max)) ?? topK
        topP = try file.number("top_p", 0...1) ?? topP
        minP = try file.number("min_p", 0...1) ?? minP
        xtcProbability = try file.number("xtc_probability", 0...1) ?? xtcProbability
        xtcThreshold = try file.number("xtc_threshold", 0...1) ?? xtcThreshold
        repetitionPenalty =
            try file.number("penalty_repeat", APILimits.repetitionPenalties) ?? repetitionPenalty
        if let window = try file.integer("penalty_last_n", -1...Int(Int32.max)) {
            repetitionWindow = window == -1 ? nil : window
        }
        if let version = try file.integer("mirostat", 0...2), version > 0 {
            mirostat = Mirostat(version: version)
        }
        if let tau = try file.number("mirostat_tau", 0...APILimits.mirostatTauMax) { mirostat?.tau = tau }
        if let eta = try file.number("mirostat_eta", 0...1) { mirostat?.eta = eta }
        order = try file.order() ?? order
    }
}

private struct Recommendations {
    let metadata: GGUFMetadata

    func number(_ name: String, _ range: ClosedRange<Double>) throws(ModelFileError) -> Float? {
        let key = "general.sampling." + name
        guard let number = try metadata.optionalNumber(key) else { return nil }
        guard range.contains(number) else {
            throw metadata.error(
                key, "\(number); it must lie between \(range.lowerBound) and \(range.upperBound)")
        }
        return Float(number)
    }

    func integer(_ name: String, _ range: ClosedRange<Int>) throws(ModelFileError) -> Int? {
        let key = "general.sampling." + name
        guard let number = try metadata.optionalInteger(key) else { return nil }
        guard range.contains(number) else {
            throw metadata.error(
                key, "\(number); it must lie between \(range.lowerBound) and \(range.upperBound)")
        }
        return number
    }

    /// Names with semicolons between them.
    func order() throws(ModelFileError) -> [SamplerStage]? {
        let key = "general.sampling.sequence"
        guard let text = try metadata.optionalString(key) else { return nil }
        var stages: [SamplerStage] = []
        for name in text.split(separator: ";") {
            guard let stage = SamplerStage(name: String(name)), !stages.contains(stage) else {
                throw metadata.error(key, "'\(name.prefix(64))' is no sampler, or stands there twice")
            }
            stages.append(stage)
        }
        return stages == SamplerStage.usualOrder ? nil : stages
    }
}
