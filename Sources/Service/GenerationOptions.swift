import API

/// What the generating commands may be told about an answer.
public struct GenerationOptions: Sendable {
    let local: LocalGenerator.Options

    public init(
        tokensMax: Int?, temperature: Double, topK: Int, topP: Double, minP: Double, seed: UInt64?,
        stops: [String]
    ) {
        var options = LocalGenerator.Options()
        options.tokensMax = tokensMax
        options.sampling.temperature = Float(temperature)
        options.sampling.topK = topK
        options.sampling.topP = Float(topP)
        options.sampling.minP = Float(minP)
        options.sampling.seed = seed
        options.stops = stops
        local = options
    }
}
