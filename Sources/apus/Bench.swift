import ArgumentParser
import Service

struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure the speed of a model.",
        discussion: """
            Prefill is one sequence of --prompt tokens; decode is one token a step for each sequence of a batch, --generate \
            steps, after a prompt of 16 tokens. Each figure is the best of three runs after a warm-up. The tokens are random \
            but fixed.
            """)

    @OptionGroup var model: ModelOptions

    @Option(help: ArgumentHelp("Tokens to prefill.", valueName: "tokens"))
    var prompt: Int = 512

    @Option(help: ArgumentHelp("Steps to decode.", valueName: "tokens"))
    var generate: Int = 32

    @Option(help: ArgumentHelp("Batch sizes to decode, separated by commas.", valueName: "sizes"))
    var batch: String = "1"

    @Flag(help: "One JSON object a line instead of text.")
    var json = false

    func validate() throws {
        guard (1...1_000_000).contains(prompt) else { throw ValidationError("--prompt must be at least 1.") }
        guard (1...1_000_000).contains(generate) else {
            throw ValidationError("--generate must be at least 1.")
        }
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
        options.asJSON = json
        try await BenchCommand.run(model.sources(), options)
    }
}
