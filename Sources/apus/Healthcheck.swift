import ArgumentParser
import Service

struct Healthcheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask a running server whether it is ready.",
        discussion: """
            Exits with 0 when the server answers 200, else with 1 and the reason. It is looked for where `apus serve` would \
            listen: by the options below, else by the environment (APUS_LISTEN, APUS_PORT, …) or the configuration file. Of \
            several listeners the first is asked that needs no client's certificate, be it TCP, HTTPS or a unix socket. \
            HTTPS is spoken when a listener has the option ;tls or tls-certificate is set; the certificate is not verified, \
            because this asks whether the server of this machine answers, and says nothing that others may not hear.
            """)

    @Option(help: ArgumentHelp("The address that it listens on. (default: 127.0.0.1)", valueName: "address"))
    var host: String?

    @Option(help: ArgumentHelp("Its port. (default: 8080)", valueName: "number"))
    var port: String?

    @Option(
        help: ArgumentHelp(
            "Where it listens instead: 127.0.0.1:8443;tls, unix:/run/apus.sock, as with `apus serve`.",
            valueName: "addresses"))
    var listen: String?

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
        let flags = ["host": host, "port": port, "listen": listen].compactMapValues { $0 }
        let sources = SettingSources(
            flags: flags, environment: ProcessEnvironment.variables, file: config)
        print(try await HealthcheckCommand.run(sources, path: path, timeoutSeconds: timeout))
    }
}
