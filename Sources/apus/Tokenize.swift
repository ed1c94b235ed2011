import ArgumentParser
import Service

struct Tokenize: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turn texts into token ids, or back.",
        discussion: """
            Reads a JSON array of strings from standard input and writes one JSON array of ids a line. Files that hold a \
            vocabulary and no weights will do.
            """)

    @Option(name: .shortAndLong, help: ArgumentHelp("The model, a GGUF file.", valueName: "file"))
    var model: String?

    @Flag(help: "Add the tokens that open and close a text, and read special tokens in it.")
    var special = false

    @Flag(help: "The other way: an array of arrays of ids in, one JSON string a line out.")
    var detokenize = false

    func run() throws {
        try TokenizeCommand.run(
            model: model, environment: ProcessEnvironment.variables, special: special, detokenize: detokenize)
    }
}
