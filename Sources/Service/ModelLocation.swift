import Glibc

/// Where model files are.
enum ModelLocation {
    static let defaultModel = "SmolLM2-135M-Instruct.Q4_1.gguf"

    /// What stands for a model where none is to generate.
    static let none = "none"

    /// The file that was named, or the default model of `$APUS_MODELS` (`~/.cache/apus/models`); nil for `none`.
    ///
    /// - Throws: `ServiceError` with the command that fetches the default model when it is absent.
    static func resolveOptional(
        _ model: String?, environment: [String: String]
    ) throws(ServiceError) -> String? {
        model == none ? nil : try resolve(model, environment: environment)
    }

    /// The same, where there has to be one.
    static func resolve(_ model: String?, environment: [String: String]) throws(ServiceError) -> String {
        if model == none { throw ServiceError("--model \(none) is for a server that only embeds") }
        if let model { return model }
        let path = directory(environment) + "/" + defaultModel
        guard access(path, F_OK) == 0 else {
            throw ServiceError(
                "the default model is not at \(path); scripts/fetch-model fetches it, "
                    + "$APUS_MODELS names another directory, and --model another file")
        }
        return path
    }

    /// The name under which a file is served: its own, without directory and ending.
    static func id(of path: String) -> String {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        return name.hasSuffix(".gguf") ? String(name.dropLast(".gguf".count)) : name
    }

    private static func directory(_ environment: [String: String]) -> String {
        if let named = environment["APUS_MODELS"], !named.isEmpty { return named }
        return (environment["HOME"] ?? "") + "/.cache/apus/models"
    }
}
