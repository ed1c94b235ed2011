import ArgumentParser
import Service

@main
struct Apus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus",
        abstract: "Runs language models on CPUs and speaks OpenAI's API.",
        discussion: """
            Without --model, a command uses the default model, SmolLM2-135M-Instruct, from the directory $APUS_MODELS \
            (~/.cache/apus/models); scripts/fetch-model fetches it.
            """,
        version: Version.text,
        subcommands: [
            Serve.self, Complete.self, Chat.self, Inspect.self, Tokenize.self, Template.self, Bench.self,
            Key.self,
            Healthcheck.self,
        ])

    static func main() async {
        // Errors of ours read `apus: …`; those of the argument parser keep its words and its exit codes.
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error where CommandFailure.isOurs(error) {
            CommandFailure.report(error)
        } catch {
            exit(withError: error)
        }
    }
}
