import ArgumentParser
import Service

struct Key: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make an API key.",
        discussion: """
            The key itself goes to standard error, to be handed to who will use it; the line for the file of keys, with \
            its hash, goes to standard output:

              apus key alice >> /etc/apus/api-keys
            """)

    @Argument(help: "Whose key it will be: for the log, and for sharing the work fairly.")
    var name: String

    func run() throws {
        try KeyCommand.run(name: name)
    }
}
