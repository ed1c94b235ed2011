/// What a sampler carries from one token of a sequence to the next. It stays with a sequence that is paused.
struct SamplerState: Equatable {
    /// Mirostat's largest surprise, in bits; nil before the first token.
    var surpriseMax: Double?
}

/// The random numbers of one token, each 0 ..< 1.
struct TokenChances {
    /// Where in the distribution the token is drawn.
    var draw: Double
    /// Whether XTC takes place.
    var exclusion = 0.0
}
