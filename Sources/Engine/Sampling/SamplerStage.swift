/// One stage on the way from the model's logits to those that a token is drawn from, with llama-server's name.
public enum SamplerStage: String, Sendable, CaseIterable {
    case penalties, dry, temperature
    case topNSigma = "top_n_sigma"
    case topK = "top_k"
    case typicalP = "typ_p"
    case topP = "top_p"
    case minP = "min_p"
    case xtc

    /// Truncation works on the tempered distribution, as with OpenAI, vLLM and Transformers; llama-server's own order
    /// has the temperature last.
    public static let usualOrder: [SamplerStage] = [
        .penalties, .dry, .temperature, .topNSigma, .topK, .typicalP, .topP, .minP, .xtc,
    ]
}
