import ArgumentParser
import Service

struct Template: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Render chats with a chat template, to compare with Hugging Face's rendering.",
        discussion: """
            Writes one JSON object: for each case its text, or the error that it ends with. A case is an object with \
            messages, and may have tools, add_generation_prompt and whatever else the template reads.
            """)

    @Argument(help: ArgumentHelp("The template, a file of Jinja.", valueName: "file"))
    var template: String

    @Option(help: ArgumentHelp("The cases, a file that holds a JSON object.", valueName: "file"))
    var cases: String

    @Option(help: ArgumentHelp("What bos_token is.", valueName: "text"))
    var bosToken = "<s>"

    @Option(help: ArgumentHelp("What eos_token is.", valueName: "text"))
    var eosToken = "</s>"

    @Option(
        help: ArgumentHelp("The time that strftime_now shows, in seconds since 1970.", valueName: "seconds"))
    var now: Int?

    func run() throws {
        try TemplateCommand(
            template: template, cases: cases, bosToken: bosToken, eosToken: eosToken, now: now
        ).run()
    }
}
