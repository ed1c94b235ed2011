import ArgumentParser
import Service

struct Healthcheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask a running server whether it is ready.",
        discussion: """
            Exits with 0 when the server answers 200, else with 1 and the reason. It is looked for where `apus serve` would \
            listen: --host and --port, APUS_HOST and APUS_PORT, or the configuration file.
            """)

    @Option(help: ArgumentHelp("The address that it listens on. (default: 127.0.0.1)", valueName: "address"))
    var host: String?

    @Option(help: ArgumentHelp("Its port. (default: 8080)", valueName: "number"))
    var port: String?

    @Option(help: "What to ask for; /livez succeeds while the model loads.")
    var path = "/readyz"

    @Option(help: ArgumentHelp("How long to wait, 1 to 60 seconds.", valueName: "seconds"))
    var timeout = 5

    @Option(help: ArgumentHelp("A file of settings; config/apus.yaml lists them all.", valueName: "file"))
    var config: String?

    func validate() throws {
        guard (1...60).contains(timeout) else { throw ValidationError("--timeout must be 1 to 60.") }
    }

    func run() async throws {
        let flags = ["host": host, "port": port].compactMapValues { $0 }
        let sources = SettingSources(
            flags: flags, environment: ProcessEnvironment.variables, file: config)
        print(try await HealthcheckCommand.run(sources, path: path, timeoutSeconds: timeout))
    }
}
