import ArgumentParser
import Service

/// How a model is loaded: the options that `serve`, `complete`, `chat` and `bench` share.
///
/// What is not given comes from the environment (`APUS_THREADS`), the configuration file, the defaults.
struct ModelOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: ArgumentHelp("The model, a GGUF file.", valueName: "file"))
    var model: String?

    @Option(help: ArgumentHelp("Threads that compute. (default: one for each CPU)", valueName: "count"))
    var threads: String?

    @Option(
        help: ArgumentHelp(
            "Precision of activations: q8 is faster, high nearly exact. (default: high)", valueName: "q8|high"
        ))
    var precision: String?

    @Option(help: ArgumentHelp("A file of settings; config/apus.yaml lists them all.", valueName: "file"))
    var config: String?

    var flags: [String: String?] { ["model": model, "threads": threads, "precision": precision] }
}

/// How much memory and context a model gets: what `serve`, `complete` and `chat` share.
struct ContextOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Tokens of prompt and answer together. (default: the model's own)", valueName: "tokens"))
    var context: String?

    @Option(
        help: ArgumentHelp(
            "Memory of the KV cache, such as 512MiB. (default: enough for 65,536 tokens, less where memory is short)",
            valueName: "bytes"))
    var kvMemory: String?

    @Option(
        help: ArgumentHelp(
            "How keys and values are stored: q8 takes half the memory of f16. (default: f16)",
            valueName: "f16|q8"))
    var kvType: String?

    var flags: [String: String?] { ["context": context, "kv-memory": kvMemory, "kv-type": kvType] }
}

extension ModelOptions {
    /// These options and others of the command, with the environment and the file.
    func sources(_ others: [String: String?]...) -> SettingSources {
        var all = flags
        for other in others { all.merge(other) { _, new in new } }
        return SettingSources(
            flags: all.compactMapValues { $0 }, environment: ProcessEnvironment.variables, file: config)
    }
}
