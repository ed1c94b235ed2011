import Glibc
import HTTP
import Synchronization
import TLSSupport
import Telemetry
import Testing

@Suite("TLS over sockets")
struct TLSTests {
    private let folder: TestFolder
    private let authority: TestCertificate
    private let certificate: TestCertificate
    private var configuration: TLSConfiguration

    init() throws {
        folder = try TestFolder()
        authority = try TestCertificate(commonName: "Test Authority", isAuthority: true)
        certificate = try TestCertificate(commonName: "h", names: ["h.example"], issuer: authority)
        configuration = try TLSConfiguration(pairs: [
            .init(
                certificateFile: folder.write("tls.crt", certificate.certificatePEM),
                keyFile: folder.write("tls.key", certificate.keyPEM))
        ])
        // Files are read again when a test says so.
        configuration.reloadInterval = .seconds(3_600)
    }

    private final class Events: Sendable {
        private let lines = Mutex<[String]>([])
        var failures: [String] { lines.withLock { $0 } }

        func add(_ event: TLSCredentials.Event) {
            if case .connectionFailed(let failure, _) = event { lines.withLock { $0.append("\(failure)") } }
        }
    }

    private static let get = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"

    @Test(
        "Requests are answered as without TLS, in both versions",
        arguments: [TLSTestClient.Version.tls12, .tls13])
    func requests(version: TLSTestClient.Version) async throws {
        let authority = authority
        let events = Events()
        try await withServer(tls: TLSCredentials(configuration) { events.add($0) }) { port, server, _ in
            let tls = try TLSTestClient(
                name: "h.example", protocols: ["h2", "http/1.1"], authority: authority, versionMax: version)
            let client = try RawClient(port: port, tls: tls)
            try client.send(Self.get)
            #expect(try client.response().body == "hello")
            let body = String(repeating: "0123456789abcdef", count: 20_000)
            try client.send(
                "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            #expect(try client.response().body == body)
            try client.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.response().body.hasSuffix("data: [DONE]\n\n"))
            for byte in Self.get.utf8 { try client.send([byte]) }
            #expect(try client.response().body == "hello")
            #expect(server.counters.snapshot.tls?.handshakes == 1)
            try client.sayGoodbye()
            #expect(try client.receive().isEmpty)
        }
        #expect(events.failures.isEmpty)
    }

    @Test("Requests that come in one record are all answered, though the socket tells of them once")
    func pipelined() async throws {
        var limits = HTTPLimits()
        limits.pipelinedBytesMax = 100
        limits.requestsPerTurnMax = 2
        try await withServer(limits: limits, tls: TLSCredentials(configuration)) { port, _, _ in
            let client = try RawClient(port: port, tls: TLSTestClient())
            let names = (0..<2_000).map { "n\($0)" }
            try client.send(names.map { "GET /models/\($0) HTTP/1.1\r\nHost: h\r\n\r\n" }.joined())
            for name in names { #expect(try client.response().body == name) }
        }
    }

    @Test("A stream reaches the client event by event")
    func events() async throws {
        try await withServer(tls: TLSCredentials(configuration)) { port, _, notes in
            let client = try RawClient(port: port, tls: TLSTestClient())
            try client.send("GET /steps HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try client.receive(through: "\r\n\r\n")
            for step in 1...3 {
                #expect(try client.receive(through: "\n\n\r\n") == "9\r\ndata: \(step)\n\n\r\n")
                notes.add("saw \(step)")
            }
            #expect(try client.receive(through: "\r\n\r\n") == "0\r\n\r\n")
        }
    }

    @Test("A client that reads slowly backs the stream up, and gets all of it")
    func backPressure() async throws {
        try await withServer(tls: TLSCredentials(configuration)) { port, _, notes in
            let client = try RawClient(port: port, receiveBuffer: 4_096, tls: TLSTestClient())
            try client.send("GET /flood HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(notes.wait(for: "flood backed up"))
            _ = try client.receive(through: "\r\n\r\n")
            #expect(try client.receive().count > 0)
        }
    }

    @Test("A handshake that is never finished ends at its deadline (check 85)")
    func handshakeDeadline() async throws {
        var limits = HTTPLimits()
        limits.tlsHandshakeTimeout = .milliseconds(500)
        let events = Events()
        try await withServer(limits: limits, tls: TLSCredentials(configuration) { events.add($0) }) {
            port, server, _ in
            let silent = try RawClient(port: port)
            let slow = try RawClient(port: port)
            let tls = try TLSTestClient()
            _ = tls.handshake()
            for byte in tls.takeOutput().prefix(20) {
                try? slow.send([byte])
                usleep(5_000)
            }
            #expect(try silent.receive().isEmpty)
            #expect(try slow.receive().isEmpty)
            #expect(server.counters.snapshot.timeouts == 2)
            #expect(server.counters.snapshot.tls?.handshakeFailures == 2)
            // After a handshake the request has its own time.
            let client = try RawClient(port: port, tls: TLSTestClient())
            usleep(700_000)
            try client.send(Self.get)
            #expect(try client.response().body == "hello")
        }
        #expect(
            events.failures.prefix(2) == [
                "the TLS handshake was not finished", "the TLS handshake was not finished",
            ])
    }

    @Test("The alerts of failed handshakes reach the client (checks 104, 105, 106)")
    func alerts() async throws {
        var configuration = configuration
        configuration.unknownName = .refuse
        let events = Events()
        try await withServer(tls: TLSCredentials(configuration) { events.add($0) }) { port, server, _ in
            for (client, alert) in try [
                (TLSTestClient(versionMax: .tls11), 70), (TLSTestClient(protocols: ["h2"]), 120),
                (TLSTestClient(name: "other.example"), 112),
            ] {
                let error = #expect(throws: RawClient.Failure.self) { try RawClient(port: port, tls: client) }
                #expect(error?.description == "the handshake failed with alert \(alert)")
            }
            #expect(server.counters.snapshot.tls?.handshakeFailures == 3)
            #expect(server.counters.snapshot.tls?.handshakes == 0)
        }
        #expect(events.failures.count == 3)
    }

    @Test("A new certificate is shown to new connections, and old ones go on (check 107)")
    func reload() async throws {
        let (folder, certificate) = (folder, certificate)
        let new = try TestCertificate(commonName: "new", names: ["h.example"])
        try await withServer(tls: TLSCredentials(configuration)) { port, server, _ in
            let before = try TLSTestClient()
            let client = try RawClient(port: port, tls: before)
            #expect(before.shows(certificate))
            try folder.write("tls.crt", new.certificatePEM)
            #expect(throws: TLSError.self) { try server.reloadCertificates() }
            let meanwhile = try TLSTestClient()
            _ = try RawClient(port: port, tls: meanwhile)
            #expect(meanwhile.shows(certificate))
            try folder.write("tls.key", new.keyPEM)
            #expect(try server.reloadCertificates().hasPrefix("CN=new until"))
            let after = try TLSTestClient()
            _ = try RawClient(port: port, tls: after)
            #expect(after.shows(new))
            try client.send(Self.get)
            #expect(try client.response().body == "hello")
            let counts = try #require(server.counters.snapshot.tls)
            #expect(counts.reloads == 1 && counts.reloadFailures == 1)
            var text = PrometheusText()
            server.writeMetrics(to: &text)
            let lines = String(decoding: text.bytes, as: UTF8.self)
            #expect(lines.contains("\napus_tls_reload_failures_total 1\n"))
            #expect(lines.contains("\napus_tls_certificate_expiry_seconds 25"))
        }
    }

    @Test("Handlers know the client's certificate; without one it must have, there is no request (check 108)")
    func clients() async throws {
        var configuration = configuration
        configuration.clientAuthoritiesFile = try folder.write("ca.pem", authority.certificatePEM)
        let alice = try TestCertificate(commonName: "alice", issuer: authority)
        for authentication in [TLSConfiguration.ClientAuthentication.optional, .required] {
            configuration.clientAuthentication = authentication
            try await withServer(tls: TLSCredentials(configuration)) { port, server, _ in
                let client = try RawClient(port: port, tls: TLSTestClient(certificate: alice))
                try client.send("GET /subject HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try client.response().body == "CN=alice")
                // In TLS 1.3 the client learns with its first read that it was refused.
                let anonymous = try RawClient(port: port, tls: TLSTestClient())
                try? anonymous.send("GET /subject HTTP/1.1\r\nHost: h\r\n\r\n")
                if authentication == .optional {
                    #expect(try anonymous.response().body == "nobody")
                } else {
                    let error = #expect(throws: RawClient.Failure.self) { try anonymous.receive() }
                    #expect(error?.description == "the session broke with alert 116")
                    #expect(server.counters.snapshot.requests == 1)
                }
            }
        }
    }

    @Test("HTTP on the TLS port is told so, in the clear (check 109)")
    func plainHTTP() async throws {
        let events = Events()
        try await withServer(tls: TLSCredentials(configuration) { events.add($0) }) { port, server, notes in
            for request in [Self.get, "OPTIONS * HTTP/1.1\r\n", "G"] {
                let client = try RawClient(port: port)
                try client.send(request)
                let response = try client.response()
                #expect(response.status == 400 && response["connection"] == "close")
                #expect(response["content-type"] == "text/plain; charset=utf-8")
                #expect(response.body.contains("https://"))
                client.shutDownOutput()
                #expect(try client.receive().isEmpty)
            }
            #expect(notes.wait(for: "end  400 true"))
            #expect(server.counters.snapshot.refusals["plain_http"] == 3)
        }
        #expect(events.failures == Array(repeating: "the client speaks HTTP without TLS", count: 3))
    }

    @Test("A TLS handshake on a plain port gets 400 (check 109)")
    func helloOnPlainPort() async throws {
        try await withServer { port, _, _ in
            let tls = try TLSTestClient()
            _ = tls.handshake()
            let client = try RawClient(port: port)
            try client.send(tls.takeOutput())
            #expect(try client.response().status == 400)
            client.shutDownOutput()
            #expect(try client.receive().isEmpty)
        }
    }

    @Test("The end is announced: after a last response, an idle time, a refused request, a stop (check 110)")
    func goodbye() async throws {
        var limits = HTTPLimits()
        limits.keepAliveTimeout = .milliseconds(200)
        try await withServer(limits: limits, tls: TLSCredentials(configuration)) { port, server, _ in
            for request in [
                "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", Self.get,
                "GET /hello HTTP/1.0\r\n\r\n",
                "GET / HTTP/1.1\r\n\r\n", "GET /stream HTTP/1.0\r\n\r\n",
            ] {
                let client = try RawClient(port: port, tls: TLSTestClient())
                try client.send(request)
                // Throws when the end comes without close_notify.
                #expect(try client.receiveToEnd().hasPrefix("HTTP/1.1 "))
            }
            let idle = try RawClient(port: port, tls: TLSTestClient())
            Task { await server.stop() }
            #expect(try idle.receive().isEmpty)
        }
    }

    @Test("A cut answer has no close_notify, so that nobody takes it for a whole one (check 110)")
    func cut() async throws {
        try await withServer(tls: TLSCredentials(configuration)) { port, _, _ in
            let client = try RawClient(port: port, tls: TLSTestClient())
            try client.send("GET /abort HTTP/1.0\r\n\r\n")
            let error = #expect(throws: RawClient.Failure.self) { try client.receiveToEnd() }
            #expect(error?.description == "the end came without close_notify")
        }
    }

    @Test("An end without close_notify inside a request is an error, and between two is not (check 110)")
    func truncation() async throws {
        let events = Events()
        try await withServer(tls: TLSCredentials(configuration) { events.add($0) }) { port, server, notes in
            let client = try RawClient(port: port, tls: TLSTestClient())
            try client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello")
            client.shutDownOutput()
            #expect(throws: RawClient.Failure.self) { try client.receive() }
            #expect(notes.wait(for: "end /echo 0 false"))
            #expect(server.counters.snapshot.clientsVanished == 1)

            let waiting = try RawClient(port: port, tls: TLSTestClient())
            try waiting.send("GET /never HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(notes.wait(for: "never begun"))
            waiting.shutDownOutput()
            #expect(notes.wait(for: "never closed"))

            let idle = try RawClient(port: port, tls: TLSTestClient())
            try idle.send(Self.get)
            _ = try idle.response()
            idle.shutDownOutput()
            #expect(throws: RawClient.Failure.self) { try idle.receive() }
            #expect(server.counters.snapshot.clientsVanished == 2)
        }
        #expect(
            events.failures == Array(repeating: "the TLS connection ended without close_notify", count: 3))
    }

    @Test("Five hundred connections come and go, in every way")
    func churn() async throws {
        try await withServer(tls: TLSCredentials(configuration)) { port, server, _ in
            for round in 0..<500 {
                if round % 5 == 0 {
                    let client = try RawClient(port: port)
                    if round % 2 == 0 { try client.send([0x16, 3, 1]) }
                    continue
                }
                let client = try RawClient(port: port, tls: TLSTestClient())
                switch round % 5 {
                case 1: try client.send("GET /hel")
                case 2: try client.send("GET /never HTTP/1.1\r\nHost: h\r\n\r\n")
                case 3:
                    try client.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")
                    _ = try client.response()
                default:
                    try client.send("GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                    #expect(try client.receiveToEnd().hasSuffix("hello"))
                }
            }
            #expect(server.counters.snapshot.connectionsAccepted == 500)
        }
    }
}
