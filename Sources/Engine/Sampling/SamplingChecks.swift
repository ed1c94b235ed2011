import ModelFiles

extension SamplingParameters {
    /// What is wrong with it; nil when it can be drawn with.
    var fault: String? {
        let numbers: [(String, Float, ClosedRange<Float>)] = [
            ("the temperature", temperature, 0...(.greatestFiniteMagnitude)), ("top_p", topP, 0...1),
            ("min_p", minP, 0...1), ("typical_p", typicalP, 0...1),
            ("top_n_sigma", topNSigma, 0...(.greatestFiniteMagnitude)),
            ("xtc_probability", xtcProbability, 0...1), ("xtc_threshold", xtcThreshold, 0...1),
            ("dynatemp_range", dynamicRange, 0...(.greatestFiniteMagnitude)),
            ("dynatemp_exponent", dynamicExponent, 0...(.greatestFiniteMagnitude)),
            ("dry_multiplier", dry.multiplier, 0...(.greatestFiniteMagnitude)),
            ("dry_base", dry.base, 1...(.greatestFiniteMagnitude)),
            ("mirostat_tau", mirostat?.tau ?? 0, 0...(.greatestFiniteMagnitude)),
            ("mirostat_eta", mirostat?.eta ?? 0, 0...(.greatestFiniteMagnitude)),
        ]
        for (name, value, range) in numbers where !range.contains(value) {
            let least = Int(range.lowerBound)
            let right =
                range.upperBound == 1 ? "\(least) to 1" : "a number, \(least) or more"
            return "\(name) is \(value); it must be \(right)"
        }
        let counts = [
            ("top_k", topK), ("min_keep", keptMin), ("dry_allowed_length", dry.allowedLength),
            ("dry_penalty_last_n", dry.window ?? 0), ("repeat_last_n", repetitionWindow ?? 0),
        ]
        for (name, value) in counts where value < 0 { return "\(name) is \(value); it must be 0 or more" }
        if let mirostat, !(1...2 ~= mirostat.version) {
            return "mirostat is \(mirostat.version); it must be 1 or 2"
        }
        return nil
    }
}
