import ArgumentParser
import Service

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve a model over HTTP.",
        discussion: """
            A setting comes from the command line, else from the environment (APUS_PORT, APUS_KV_MEMORY, …), else from the \
            configuration file (--config, $APUS_CONFIG, or /etc/apus/apus.yaml if it exists), else it has its default. \
            config/apus.yaml explains every setting, those too that have no option here.

            SIGTERM and Ctrl-C make readiness fail, wait for shutdown-delay, let running answers end and exit with 0; a second \
            signal ends it at once, with 143 (SIGTERM) or 130 (SIGINT). SIGHUP reads keys and certificates again.
            """)

    @OptionGroup var model: ModelOptions
    @OptionGroup var context: ContextOptions

    @Option(help: ArgumentHelp("The address to listen on. (default: 127.0.0.1)", valueName: "address"))
    var host: String?

    @Option(
        help: ArgumentHelp(
            "The port to listen on; 0 lets the system choose. (default: 8080)", valueName: "number"))
    var port: String?

    @Option(
        help: ArgumentHelp(
            "Where to listen instead: 127.0.0.1:8080, [::]:8080, unix:/run/apus.sock, with commas between several.",
            valueName: "addresses"))
    var listen: String?

    @Option(
        help: ArgumentHelp(
            "Serve HTTPS with this certificate (PEM, with its chain); several with commas between them.",
            valueName: "files"))
    var tlsCertificate: String?

    @Option(
        help: ArgumentHelp(
            "The certificates' keys (PEM). (default: in the certificates' files)", valueName: "files"))
    var tlsKey: String?

    @Option(
        help: ArgumentHelp(
            "A socket at which this server takes over from the one before it, and hands over to the next.",
            valueName: "path"))
    var handOver: String?

    @Option(
        help: ArgumentHelp(
            "The name under which the model is served. (default: the file's)", valueName: "name"))
    var modelId: String?

    @Option(
        help: ArgumentHelp("API keys, one a line; without any, who reaches it may use it.", valueName: "file")
    )
    var apiKeysFile: String?

    @Option(
        help: ArgumentHelp(
            "A folder with a model that embeds (safetensors, BERT), served beside the other, or alone with --model none.",
            valueName: "folder"))
    var embeddingModel: String?

    @Option(
        help: ArgumentHelp(
            "trace, debug, info, notice, warning, error or critical. (default: info)", valueName: "level"))
    var logLevel: String?

    @Option(
        help: ArgumentHelp(
            "auto, console or json; auto is console on a terminal, else json.", valueName: "format"))
    var logFormat: String?

    func run() async throws {
        let flags = [
            "host": host, "port": port, "listen": listen, "hand-over": handOver,
            "tls-certificate": tlsCertificate, "tls-key": tlsKey, "api-keys-file": apiKeysFile,
            "model-id": modelId, "embedding-model": embeddingModel, "log-level": logLevel,
            "log-format": logFormat,
        ]
        try await ServeCommand.run(model.sources(context.flags, flags))
    }
}
