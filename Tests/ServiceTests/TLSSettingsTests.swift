import HTTP
import Testing

@testable import Service

@Suite struct TLSSettingsTests {
    private func load(_ flags: [String: String]) async throws -> ServiceConfiguration {
        var flags = flags
        flags["access-log"] = "true"
        return try await SettingSources(flags: flags, environment: [:]).configuration()
    }

    private func tls(_ flags: [String: String]) async throws -> TLSConfiguration? {
        let configuration = try await load(flags)
        return try configuration.tls.configuration(isWanted: configuration.listeners.contains { $0.usesTLS })
    }

    private func message(_ flags: [String: String]) async -> String {
        do {
            _ = try await tls(flags)
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test func `without a certificate nothing is encrypted`() async throws {
        #expect(try await tls([:]) == nil)
    }

    @Test func `a certificate encrypts every TCP listener, unless some are told to be`() async throws {
        let one = try await load(["tls-certificate": "a.pem"])
        #expect(one.listeners.map(\.usesTLS) == [true])
        let many = try await load([
            "tls-certificate": "a.pem", "listen": "127.0.0.1:1, [::1]:2, unix:/run/apus.sock",
        ])
        #expect(many.listeners.map(\.usesTLS) == [true, true, false])
        let some = try await load([
            "tls-certificate": "a.pem", "listen": "127.0.0.1:1, [::1]:2;tls, unix:/run/apus.sock",
        ])
        #expect(some.listeners.map(\.usesTLS) == [false, true, false])
    }

    @Test func `certificates and keys are paired in their order`() async throws {
        let two = try await tls(["tls-certificate": "a.pem, b.pem", "tls-key": "a.key,b.key"])
        #expect(
            two?.pairs == [
                .init(certificateFile: "a.pem", keyFile: "a.key"),
                .init(certificateFile: "b.pem", keyFile: "b.key"),
            ])
        let one = try await tls(["tls-certificate": "a.pem"])
        #expect(one?.pairs == [.init(certificateFile: "a.pem", keyFile: "a.pem")])
        #expect(one == TLSConfiguration(pairs: one?.pairs ?? []))
    }

    @Test func `everything reaches the server`() async throws {
        let flags = [
            "tls-certificate": "a", "tls-min-version": "1.3", "tls-unknown-name": "refuse",
            "tls-client-auth": "optional", "tls-client-ca": "ca", "tls-reload-interval": "30s",
        ]
        let tls = try #require(try await tls(flags))
        #expect(tls.minimumVersion == .tls13 && tls.unknownName == .refuse)
        #expect(tls.clientAuthentication == .optional && tls.clientAuthoritiesFile == "ca")
        #expect(tls.reloadInterval == .seconds(30))
        #expect(try await load(["tls-handshake-timeout": "3s"]).http.tlsHandshakeTimeout == .seconds(3))
    }

    @Test func `what does not fit together is refused by name`() async {
        for (flags, part) in [
            (["tls-key": "a"], "need tls-certificate"),
            (["tls-client-auth": "required", "tls-client-ca": "a"], "need tls-certificate"),
            (["listen": "127.0.0.1:1;tls"], "tls-certificate is not set"),
            (["tls-certificate": "a", "listen": "unix:/run/apus.sock"], "nothing that is listened at"),
            (["tls-certificate": "a,b", "tls-key": "a"], "names 2 files and tls-key 1"),
            (["tls-certificate": "a", "tls-client-auth": "optional"], "tls-client-ca is not set"),
            (["tls-certificate": "a", "tls-client-ca": "a"], "tls-client-auth is off"),
            (["tls-certificate": "a,,b"], "1 to 64 files"),
            (["tls-certificate": Array(repeating: "a", count: 65).joined(separator: ",")], "1 to 64 files"),
            (["tls-reload-interval": "31s"], "from 1s to 30s"),
            (["tls-min-version": "1.1"], "one of 1.2, 1.3"),
        ] {
            let text = await message(flags)
            #expect(text.contains(part), "\(flags): \(text)")
        }
    }
}
