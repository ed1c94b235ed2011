import ArgumentParser
import Service

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show a model file's metadata and tensors, and the memory that it would take.")

    @Argument(help: "The model, a GGUF file; of a split one its first part.")
    var file: String

    @Flag(help: "One JSON object instead of text; arrays in full.")
    var json = false

    func run() throws {
        try InspectCommand.run(path: file, asJSON: json)
    }
}
