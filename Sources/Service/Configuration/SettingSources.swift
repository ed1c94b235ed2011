import Configuration
import Glibc
import SystemPackage
import Yams

/// Where settings come from; the first source that has one wins: the command line, the environment (`APUS_PORT`),
/// the configuration file, the defaults.
public struct SettingSources: Sendable {
    /// Read when `--config` and `$APUS_CONFIG` name no other file, and only if it is there.
    static let systemFile = "/etc/apus/apus.yaml"
    /// Values that mean the default: nothing, and YAML's nulls.
    private static let unset = ["", "~", "null"]

    /// Values of the command line by setting name.
    public var flags: [String: String]
    public var environment: [String: String]
    /// The file that must be there; nil takes `$APUS_CONFIG`, then the system's if it exists.
    public var file: String?

    public init(flags: [String: String], environment: [String: String], file: String? = nil) {
        self.flags = flags
        self.environment = environment
        self.file = file
    }

    /// The configuration that results.
    ///
    /// - Throws: `ServiceError` that names the setting and its source when a value is wrong, when the file cannot be
    ///   read, and when it sets something that there is not.
    public func configuration() async throws -> ServiceConfiguration {
        let layers = try await layers()
        let reader = ConfigReader(providers: layers.map(\.provider))
        var configuration = ServiceConfiguration()
        for setting in Setting.all {
            let key = ConfigKey([setting.name])
            guard let value = reader.string(forKey: key), !Self.unset.contains(value) else { continue }
            guard setting.apply(value, &configuration) else {
                let layer = layers.first { ConfigReader(providers: [$0.provider]).string(forKey: key) != nil }
                let place = layer?.place(setting.name) ?? setting.name
                let shown = setting.isSecret ? "no fit value" : "'\(value)'"
                throw ServiceError("\(place) is \(shown), but must be \(setting.expectation)")
            }
        }
        return configuration
    }

    private struct Layer {
        let provider: any ConfigProvider
        /// How a person finds the setting there.
        let place: (String) -> String
    }

    private func layers() async throws -> [Layer] {
        let values = flags.map {
            (AbsoluteConfigKey([$0.key]), ConfigValue(.string($0.value), isSecret: false))
        }
        let commandLine = InMemoryProvider(name: "flags", values: Dictionary(uniqueKeysWithValues: values))
        // Compose files set variables to nothing where they mean none.
        let variables = EnvironmentVariablesProvider(
            environmentVariables: environment.filter { !$0.value.isEmpty })
        var layers = [
            Layer(provider: commandLine) { "--\($0)" },
            Layer(provider: variables.prefixKeys(with: "apus")) { "APUS_\(Self.variableName($0))" },
        ]
        if let path = filePath {
            try SettingFile.check(path)
            layers.append(Layer(provider: try await fileProvider(path)) { "'\($0)' in \(path)" })
        }
        return layers
    }

    private func fileProvider(_ path: String) async throws -> any ConfigProvider {
        do {
            return try await FileProvider<YAMLSnapshot>(filePath: FilePath(path))
        } catch {
            throw ServiceError("cannot read the configuration file \(path): \(error)")
        }
    }

    private var filePath: String? {
        if let file { return file }
        if let named = environment["APUS_CONFIG"], !named.isEmpty { return named }
        return access(Self.systemFile, F_OK) == 0 ? Self.systemFile : nil
    }

    private static func variableName(_ name: String) -> String {
        String(name.map { $0 == "-" ? "_" : $0 }).uppercased()
    }
}
