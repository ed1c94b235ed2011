import ArgumentParser
import Service

/// How an answer is drawn: the options that `complete` and `chat` share.
struct SamplingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The most tokens of an answer. (default: the rest of the context)", valueName: "count"))
    var maxTokens: Int?

    @Option(
        help: ArgumentHelp(
            "0 takes the likeliest token each time; small models wander at 1.", valueName: "number"))
    var temperature: Double = 0.2

    @Option(help: ArgumentHelp("Keep the k likeliest tokens; 0 keeps all.", valueName: "k"))
    var topK: Int = 0

    @Option(help: ArgumentHelp("Keep the likeliest tokens whose probabilities sum to p.", valueName: "p"))
    var topP: Double = 1

    @Option(
        help: ArgumentHelp("Drop tokens less likely than this fraction of the likeliest one.", valueName: "p")
    )
    var minP: Double = 0

    @Option(help: ArgumentHelp("The same seed gives the same answer. (default: drawn)", valueName: "number"))
    var seed: UInt64?

    @Option(
        help: ArgumentHelp("A string that ends the answer; may be given more than once.", valueName: "text"))
    var stop: [String] = []

    func validate() throws {
        if let maxTokens, maxTokens < 1 { throw ValidationError("--max-tokens must be at least 1.") }
        guard (0...100).contains(temperature) else {
            throw ValidationError("--temperature must lie between 0 and 100.")
        }
        guard topK >= 0 else { throw ValidationError("--top-k must be at least 0.") }
        guard (0...1).contains(topP) else { throw ValidationError("--top-p must lie between 0 and 1.") }
        guard (0...1).contains(minP) else { throw ValidationError("--min-p must lie between 0 and 1.") }
    }

    var generation: GenerationOptions {
        GenerationOptions(
            tokensMax: maxTokens, temperature: temperature, topK: topK, topP: topP, minP: minP, seed: seed,
            stops: stop)
    }
}
