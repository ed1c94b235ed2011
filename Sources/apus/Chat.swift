import ArgumentParser
import Service

struct Chat: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Talk with a model on the terminal.",
        discussion:
            "Ctrl-C stops the answer that runs. Ctrl-D or /exit ends the chat, /new begins another one.")

    @OptionGroup var model: ModelOptions
    @OptionGroup var context: ContextOptions
    @OptionGroup var sampling: SamplingOptions

    @Option(help: ArgumentHelp("What the model is told before the conversation.", valueName: "text"))
    var system: String?

    func run() async throws {
        try await ChatCommand.run(model.sources(context.flags), system: system, options: sampling.generation)
    }
}
