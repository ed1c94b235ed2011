import ArgumentParser
import Service

struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure the speed of a model.",
        discussion: """
            Prefill is one sequence of --prompt tokens; decode is one token a step for each sequence of a batch, --generate \
            steps. Both begin --depth tokens into their sequences. Each figure is the best of --runs after a warm-up; the \
            tokens are random but fixed. Beside each stands how much of the machine it uses, measured in the same run: of \
            the 8-bit multiply-adds that all threads can do, and of the bytes that they can read.
            """)

    @OptionGroup var model: ModelOptions

    @Option(help: ArgumentHelp("Tokens to prefill; 0 measures decode only.", valueName: "tokens"))
    var prompt: Int = 512

    @Option(help: ArgumentHelp("Steps to decode; 0 measures prefill only.", valueName: "tokens"))
    var generate: Int = 32

    @Option(help: ArgumentHelp("Batch sizes to decode, separated by commas.", valueName: "sizes"))
    var batch: String = "1"

    @Option(
        help: ArgumentHelp(
            "Tokens that a sequence holds before it is measured; when it decodes, at least 16.",
            valueName: "tokens"))
    var depth: Int = 0

    @Option(help: ArgumentHelp("Measured runs of each piece of work.", valueName: "count"))
    var runs: Int = 3

    @Flag(help: "Instead of speed: how far --precision q8 is from high on a fixed text.")
    var divergence = false

    @Flag(help: "One JSON object a line instead of text.")
    var json = false

    func validate() throws {
        guard (0...1_000_000).contains(prompt) else { throw ValidationError("--prompt must be at least 0.") }
        guard (0...1_000_000).contains(generate) else {
            throw ValidationError("--generate must be at least 0.")
        }
        guard (0...1_000_000).contains(depth) else { throw ValidationError("--depth must be at least 0.") }
        guard (1...1000).contains(runs) else { throw ValidationError("--runs must be 1 to 1000.") }
        _ = try batches()
    }

    private func batches() throws -> [Int] {
        try batch.split(separator: ",", omittingEmptySubsequences: false).map { text in
            guard let size = Int(text), (1...4096).contains(size) else {
                throw ValidationError(
                    "--batch must be numbers from 1 to 4096 separated by commas, such as 1,8,32.")
            }
            return size
        }
    }

    func run() async throws {
        var options = BenchCommand.Options()
        options.promptTokens = prompt
        options.generateTokens = generate
        options.batches = try batches()
        options.depthTokens = depth
        options.runs = runs
        options.divergence = divergence
        options.asJSON = json
        try await BenchCommand.run(model.sources(), options)
    }
}
