/// Why no token could be drawn.
enum SamplingError: Error, Equatable {
    /// A logit is NaN or +infinity.
    case notANumber
    /// Every token is banned or has no probability.
    case nothingAllowed

    var message: String {
        switch self {
        case .notANumber: "the model's logits are not numbers"
        case .nothingAllowed: "no token of the vocabulary may be drawn"
        }
    }
}
