import Compute
import HTTP
import Testing

@testable import Service

@Suite struct ConfigurationTests {
    private func load(
        flags: [String: String] = [:], environment: [String: String] = [:], yaml: String? = nil
    ) async throws -> ServiceConfiguration {
        let file = try yaml.map { try TemporaryFile($0) }
        return try await SettingSources(flags: flags, environment: environment, file: file?.path)
            .configuration()
    }

    private func message(_ run: () async throws -> ServiceConfiguration) async -> String {
        do {
            _ = try await run()
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test func `without sources everything has its default`() async throws {
        let configuration = try await load(yaml: "{}")
        #expect("\(configuration)" == "\(ServiceConfiguration())")
        #expect(configuration.host == "127.0.0.1")
        #expect(configuration.port == 8080)
        #expect(configuration.precision == .high)
    }

    @Test func `flags win over the environment, the environment over the file`() async throws {
        let yaml = "port: 1\nhost: file\nthreads: 3\n"
        let all = try await load(
            flags: ["port": "2"], environment: ["APUS_PORT": "3", "APUS_HOST": "variable"], yaml: yaml)
        #expect(all.port == 2)
        #expect(all.host == "variable")
        #expect(all.threads == 3)
    }

    @Test func `names, units and words are read in every source`() async throws {
        let configuration = try await load(
            flags: ["kv-memory": "2GiB", "precision": "q8"],
            environment: ["APUS_DRAIN_TIMEOUT": "1500ms", "APUS_ACCESS_LOG": "false", "APUS_MODEL": ""],
            yaml: "body-bytes-max: 64KiB\nlog-level: debug\nlog-format: json\nmodel:\ncontext: ~\n")
        #expect(configuration.kvMemoryBytes == 2 << 30)
        #expect(configuration.precision == .q8)
        #expect(configuration.http.drainTimeout == .milliseconds(1500))
        #expect(!configuration.logsAccess)
        #expect(configuration.model == nil)
        #expect(configuration.contextTokens == nil)
        #expect(configuration.http.bodyBytesMax == 65_536)
        #expect(configuration.logLevel == .debug)
        #expect(configuration.logFormat == .json)
    }

    @Test func `paths are listed with commas, and each begins with a slash`() async throws {
        let configuration = try await load(environment: ["APUS_ACCESS_LOG_EXCLUDE": "/health, /metrics"])
        #expect(configuration.accessLogExclude == ["/health", "/metrics"])
        let text = await message { try await load(yaml: "access-log-exclude: /health,metrics\n") }
        #expect(text.contains("'access-log-exclude'") && text.contains("/health,/metrics"))
    }

    @Test func `an unknown setting of the file is named with its line`() async {
        let text = await message { try await load(yaml: "port: 1\nprot: 2\n") }
        #expect(text.contains("line 2") && text.contains("'prot'"))
    }

    @Test(arguments: ["- port", "port: [1]", "port: {a: 1}", "port: 1\nport: 2", "port: \"", "just text"])
    func `a file that is no mapping of single values is refused`(yaml: String) async {
        let text = await message { try await load(yaml: yaml) }
        #expect(text != "no error")
    }

    @Test func `a file that is not there is refused by name`() async {
        let text = await message {
            try await SettingSources(flags: [:], environment: ["APUS_CONFIG": "/no/such.yaml"])
                .configuration()
        }
        #expect(text.contains("/no/such.yaml"))
    }

    @Test(arguments: [
        ("port", "65536"), ("port", "-1"), ("port", "+5"), ("port", "5.0"), ("port", "8080x"),
        ("threads", "0"),
        ("threads", "257"), ("precision", "q4"), ("kv-memory", "2GB"), ("kv-memory", "99999999999GiB"),
        ("drain-timeout", "30"), ("drain-timeout", "25h"), ("access-log", "yes"), ("log-level", "loud"),
        ("context", "many"),
    ])
    func `a wrong value is named with its source`(name: String, value: String) async {
        let flag = await message { try await load(flags: [name: value], yaml: "{}") }
        #expect(flag.hasPrefix("--\(name) is '\(value)', but must be "))
        let variable = "APUS_" + name.uppercased().split(separator: "-").joined(separator: "_")
        let environment = await message { try await load(environment: [variable: value], yaml: "{}") }
        #expect(environment.hasPrefix("\(variable) is "))
        let file = await message { try await load(yaml: "\(name): \"\(value)\"") }
        #expect(file.hasPrefix("'\(name)' in "))
    }

    @Test func `config/apus.yaml sets everything to its default`() async throws {
        let path = Repository.root + "/config/apus.yaml"
        let configuration = try await SettingSources(flags: [:], environment: [:], file: path).configuration()
        #expect("\(configuration)" == "\(ServiceConfiguration())")
        let text = try SmallFile.read(path, bytesMax: 1 << 20)
        for setting in Setting.all {
            #expect(text.contains("\n\(setting.name):"), "\(setting.name) is not in config/apus.yaml")
        }
    }
}

@Suite struct LimitSettingTests {
    @Test(arguments: HTTPLimit.allCases)
    func `every limit that is counted is a setting of the same name`(limit: HTTPLimit) {
        #expect(Setting.all.contains { $0.name == limit.name }, "\(limit.name)")
    }

    @Test func `no two limits share a name`() {
        #expect(Set(HTTPLimit.allCases.map(\.name)).count == HTTPLimit.allCases.count)
    }
}
