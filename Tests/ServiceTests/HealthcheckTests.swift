import HTTP
import Testing

@testable import Service

@Suite struct HealthcheckTests {
    /// The name of the listener that is asked, or why there is none.
    private func asked(_ flags: [String: String]) async throws -> String {
        let configuration = try await SettingSources(flags: flags, environment: [:]).configuration()
        do throws(ServiceError) {
            return try HealthcheckCommand.probe(configuration).name
        } catch {
            return "\(error)"
        }
    }

    @Test func `the first listener is asked whose address is known`() async throws {
        #expect(try await asked([:]) == "127.0.0.1:8080")
        #expect(try await asked(["host": "::", "port": "81"]) == "[::]:81")
        #expect(try await asked(["listen": "unix:/run/apus.sock, 127.0.0.1:1"]) == "unix:/run/apus.sock")
        #expect(try await asked(["listen": "systemd, 127.0.0.1:0, unix:@apus"]) == "unix:@apus")
        #expect(try await asked(["listen": "systemd:http"]).contains("'systemd:http'; say it with --listen"))
    }

    @Test func `a listener that demands a certificate is not asked`() async throws {
        let flags = ["tls-certificate": "a.pem", "tls-client-ca": "b.pem"]
        let demanding = flags.merging(["tls-client-auth": "required"]) { $1 }
        #expect(try await asked(flags.merging(["tls-client-auth": "optional"]) { $1 }) == "127.0.0.1:8080")
        #expect(try await asked(demanding).contains("a client's certificate"))
        let listen = ["listen": "0.0.0.0:443;tls, 127.0.0.1:8080"]
        #expect(try await asked(demanding.merging(listen) { $1 }) == "127.0.0.1:8080")
    }
}
