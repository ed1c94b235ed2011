import ArgumentParser
import Service

struct Complete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Continue a text.",
        discussion:
            "The text comes from the argument or, without one, from standard input; the answer streams to standard output."
    )

    @OptionGroup var model: ModelOptions
    @OptionGroup var context: ContextOptions
    @OptionGroup var sampling: SamplingOptions

    @Argument(help: "The text to continue.")
    var prompt: String?

    func run() async throws {
        try await CompleteCommand.run(
            model.sources(context.flags), prompt: prompt, options: sampling.generation)
    }
}
