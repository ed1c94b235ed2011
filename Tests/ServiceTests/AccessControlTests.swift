import Glibc
import HTTP
import Logging
import Testing

@testable import Service

@Suite struct AccessControlTests {
    private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func message(_ run: () throws -> Void) -> String {
        do {
            try run()
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test func `a file has keys, hashes, names and comments`() throws {
        let keys = try KeyFile.parse(
            """
            # whose keys\r
            sk-plain#1 alice   # her first

              sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae\tbob\r
            sk-other
            """, "file")
        #expect(keys.map(\.name) == ["alice", "bob", "line-5"])
        #expect(keys[0] == APIKey(name: "alice", secret: "sk-plain#1".utf8))
        #expect(keys[1] == APIKey(name: "bob", secret: "foo".utf8))
    }

    @Test(arguments: [
        ("sk-secret a b", "line 1"), ("\nsk-secret näme", "line 2"), ("sk-secrét", "line 1"),
        ("sha256:abc x", "line 1"), ("sk-secret\nsk-secret", "line 2"),
        ("sk-secret a\nsk-secret b", "line 2"),
        (String(repeating: "sk-secret", count: 57), "line 1"), ("# sk-secret", "has no key"),
        ("", "has no key"),
    ])
    func `what is wrong is said without the key`(text: String, place: String) {
        let error = message { _ = try KeyFile.parse(text, "file") }
        #expect(error.contains(place) && error.contains("file"))
        #expect(!error.contains("sk-secr"))
    }

    @Test func `a made key is found by its line`() throws {
        let made = KeyCommand.make(name: "carol")
        let keys = try KeyFile.parse(made.line, "file")
        #expect(keys == [APIKey(name: "carol", secret: made.secret.utf8)])
        #expect(!made.line.contains(made.secret.dropFirst(5)) && made.secret.utf8.count == 48)
        #expect(KeyCommand.make(name: "carol").secret != made.secret)
    }

    private func reach(_ text: String) throws -> AccessControl.Reach {
        .init(try #require(ListenerConfiguration.list(text)))
    }

    @Test(arguments: [
        "0.0.0.0:0", "[::]:0", "192.0.2.1:80", "myhost:80", "localhost.example:80", "systemd",
        "127.0.0.1:80, 192.0.2.1:80",
    ])
    func `beyond loopback a key is needed, unless nobody wants one`(listen: String) throws {
        let others = try reach(listen)
        let open = listen.split(separator: " ").last ?? ""
        var settings = AccessSettings()
        let error = message { _ = try AccessControl(settings, others, log) }
        #expect(
            error.contains(open) && error.contains("allow-unauthenticated")
                && error.contains("APUS_API_KEY"))
        settings.allowsUnauthenticated = true
        #expect(try AccessControl(settings, others, log).gate.policy.hosts == .any)
        settings.allowsUnauthenticated = false
        settings.key = APIKey(name: "default", secret: "sk".utf8)
        #expect(try AccessControl(settings, others, log).gate.policy.keys?.count == 1)
    }

    @Test func `who demands a certificate of everybody from outside needs no key`() throws {
        for (listen, needsKey) in [
            ("0.0.0.0:443;tls", false), ("0.0.0.0:443;tls, 127.0.0.1:80", false),
            ("0.0.0.0:443;tls, 0.0.0.0:80", true),
        ] {
            let listeners = try #require(ListenerConfiguration.list(listen))
            let reach = AccessControl.Reach(listeners, demandsCertificates: true)
            let error = message { _ = try AccessControl(AccessSettings(), reach, log) }
            #expect((error != "no error") == needsKey)
            #expect(message { _ = try AccessControl(AccessSettings(), .init(listeners), log) } != "no error")
        }
    }

    @Test(arguments: [
        ("127.0.0.1:80", true), ("[::1]:80", true), ("localhost:80", true), ("127.1.2.3:80", true),
        ("127.0.0.1:80, unix:/a", true), ("unix:/a, unix:@b", false),
    ])
    func `on loopback no key is needed, and the hosts are the loopback's`(
        listen: String, isRestricted: Bool
    ) throws {
        let policy = try AccessControl(AccessSettings(), reach(listen), log).gate.policy
        #expect(policy.keys == nil && policy.hosts == (isRestricted ? .loopback : .any))
        #expect(policy.publicPaths.contains("/health") && !policy.publicPaths.contains("/metrics"))
    }

    @Test func `settings become the policy`() async throws {
        let file = try TemporaryFile("{}")
        defer { withExtendedLifetime(file) {} }
        let configuration = try await SettingSources(
            flags: ["allowed-hosts": "api.example.com, *.example.org", "cors-origins": "https://a.example"],
            environment: [
                "APUS_API_KEY": "sk-1", "APUS_METRICS_PUBLIC": "true", "APUS_COMPRESS_ANSWERS": "false",
            ],
            file: file.path
        ).configuration()
        let policy = try AccessControl(configuration.access, .loopback, log).gate.policy
        #expect(policy.keys?.count == 1 && policy.publicPaths.contains("/metrics"))
        #expect(policy.hosts == HostList(["api.example.com", "*.example.org"]))
        #expect(policy.origins == CrossOriginPolicy(["https://a.example"]))
        #expect(!configuration.compression.answers)
        #expect(!"\(configuration)".contains("sk-1"))
    }

    @Test func `no error shows a key`() async throws {
        let file = try TemporaryFile("{}")
        defer { withExtendedLifetime(file) {} }
        do {
            _ = try await SettingSources(
                flags: [:], environment: ["APUS_API_KEY": "sk-sécret"], file: file.path
            ).configuration()
            Issue.record("no error")
        } catch {
            #expect("\(error)".contains("APUS_API_KEY") && !"\(error)".contains("sk-s"))
        }
    }

    @Test func `a reload takes the new keys, and keeps the old ones when the file is broken`() throws {
        let file = try TemporaryFile("sk-1 a\n")
        defer { withExtendedLifetime(file) {} }
        var settings = AccessSettings()
        settings.keysFile = file.path
        let access = try AccessControl(settings, .others(at: "0.0.0.0"), log)
        #expect(access.gate.policy.keys?.count == 1)
        try replace(file, "sk-1 a\nsk-2 b\n")
        #expect(try access.reload() == "2 keys")
        for broken in ["", "sk-1 a b c\n"] {
            try replace(file, broken)
            #expect(message { _ = try access.reload() } != "no error")
            #expect(access.gate.policy.keys?.count == 2)
        }
        settings.keysFile = "/no/such/keys"
        #expect(message { _ = try AccessControl(settings, .loopback, log) }.contains("/no/such/keys"))
    }

    @Test func `keys that others can read are warned of`() throws {
        let file = try TemporaryFile("sk-1 a\n")
        defer { withExtendedLifetime(file) {} }
        var settings = AccessSettings()
        settings.keysFile = file.path
        for (mode, isWarned) in [(0o600, false), (0o640, false), (0o644, true), (0o660, true)] {
            chmod(file.path, mode_t(mode))
            var ends: [Int32] = [0, 0]
            try #require(pipe(&ends) == 0)
            let output = LogOutput(descriptor: ends[1])
            _ = try AccessControl(
                settings, .loopback, ServiceLog.make(ServiceConfiguration(), output: output))
            output.flush()
            close(ends[1])
            var buffer = [UInt8](repeating: 0, count: 4_096)
            let text = String(
                decoding: buffer[..<max(0, read(ends[0], &buffer, buffer.count))], as: UTF8.self)
            close(ends[0])
            #expect(text.contains("open to other users") == isWarned)
        }
    }

    private func replace(_ file: TemporaryFile, _ text: String) throws {
        let descriptor = open(file.path, O_WRONLY | O_TRUNC)
        try #require(descriptor >= 0)
        LogOutput.writeAll(Array(text.utf8), to: descriptor)
        close(descriptor)
    }
}
