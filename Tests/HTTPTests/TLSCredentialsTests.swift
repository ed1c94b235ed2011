import Glibc
import Synchronization
import TLSSupport
import Testing

@testable import HTTP

@Suite("TLS certificates")
struct TLSCredentialsTests {
    let pair: TLSPair

    init() throws { pair = try TLSPair() }

    private final class Events: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }

        func add(_ event: TLSCredentials.Event) {
            let line =
                switch event {
                case .reloaded: "reloaded"
                case .reloadFailed(let error): "failed \(error)"
                case .connectionFailed(let failure, _): "connection \(failure)"
                }
            lines.withLock { $0.append(line) }
        }
    }

    private func shows(_ credentials: TLSCredentials, _ certificate: TestCertificate) throws -> Bool {
        let client = try TLSTestClient()
        let session = try #require(credentials.makeSession())
        return shakeHands(session, client) == .done && client.shows(certificate)
    }

    @Test("What changed is read at the second look that finds it so (check 107)")
    func change() throws {
        let events = Events()
        let credentials = try TLSCredentials(pair.configuration) { events.add($0) }
        let new = try TestCertificate(commonName: "new", names: ["a.example"], validDays: 3)
        #expect(try shows(credentials, pair.a))
        credentials.look()
        credentials.look()
        #expect(events.all.isEmpty)

        try pair.folder.write("a.pem", new.certificatePEM)
        credentials.look()
        try pair.folder.write("a.key", new.keyPEM)
        credentials.look()
        #expect(try shows(credentials, pair.a))
        credentials.look()
        #expect(events.all == ["reloaded"])
        #expect(try shows(credentials, new))
        credentials.look()
        credentials.look()
        #expect(events.all == ["reloaded"])
        #expect(credentials.counts.reloads == 1)
        #expect(abs(credentials.counts.secondsToExpiry - 3 * 86_400) < 3_600)
    }

    @Test("A swapped symbolic link is a change, as Kubernetes makes it (check 107)")
    func symbolicLink() throws {
        let folder = pair.folder
        let new = try TestCertificate(commonName: "new")
        for (name, certificate) in [("1", pair.a), ("2", new)] {
            try folder.makeDirectory(name)
            try folder.write("\(name)/tls.crt", certificate.certificatePEM)
            try folder.write("\(name)/tls.key", certificate.keyPEM)
        }
        try folder.link("..data", to: "1")
        let configuration = try TLSConfiguration(pairs: [
            .init(
                certificateFile: folder.link("tls.crt", to: "..data/tls.crt"),
                keyFile: folder.link("tls.key", to: "..data/tls.key"))
        ])
        let credentials = try TLSCredentials(configuration)
        try folder.link("..data", to: "2")
        credentials.look()
        credentials.look()
        #expect(try shows(credentials, new))
    }

    @Test("A broken pair is reported once, and the old one stays (check 107)")
    func broken() throws {
        let events = Events()
        let credentials = try TLSCredentials(pair.configuration) { events.add($0) }
        let file = try pair.folder.write("a.key", pair.b.keyPEM)
        for _ in 0..<4 { credentials.look() }
        #expect(
            events.all == [
                "failed \(file): the key does not belong to the certificate in \(pair.folder.path)/a.pem"
            ])
        #expect(credentials.counts.reloadFailures == 1)
        #expect(try shows(credentials, pair.a))
        unlink(file)
        #expect(throws: TLSError.self) { try credentials.reload() }
        #expect(credentials.counts.reloadFailures == 2)
        try pair.folder.write("a.key", pair.a.keyPEM)
        #expect(try credentials.reload().hasPrefix("CN=a until 20"))
        #expect(credentials.counts.reloads == 1)
    }

    @Test("A timer looks at the files as long as a server runs (check 107)")
    func timer() async throws {
        var configuration = pair.configuration
        configuration.reloadInterval = .milliseconds(20)
        let credentials = try TLSCredentials(configuration)
        credentials.watch()
        let new = try TestCertificate(commonName: "new")
        try pair.folder.write("a.pem", new.certificatePEM)
        try pair.folder.write("a.key", new.keyPEM)
        for _ in 0..<1_000 where credentials.counts.reloads == 0 {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(try shows(credentials, new))
        credentials.stopWatching()
    }

    @Test("Files that cannot be used are named with the reason")
    func errors() throws {
        let folder = pair.folder
        let none = folder.path + "/none"
        let empty = try folder.write("empty", "")
        let text = try folder.write(
            "text", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
        let long = try folder.write("long", String(repeating: "x", count: TLSCertificate.fileBytesMax + 1))
        let good = pair.configuration.pairs[0]
        for (certificate, key, message) in [
            (none, none, "\(none): No such file or directory"),
            (folder.path, none, "\(folder.path): Is a directory"),
            (empty, empty, "\(empty): there is no certificate in it; PEM is expected"),
            (good.keyFile, good.keyFile, "\(good.keyFile): there is no certificate in it; PEM is expected"),
            (text, good.keyFile, "\(text): the certificate cannot be read"),
            (long, good.keyFile, "\(long): it has more than 1048576 bytes"),
            (good.certificateFile, none, "\(none): No such file or directory"),
            (good.certificateFile, empty, "\(empty): there is no private key in it; PEM is expected"),
        ] {
            let configuration = TLSConfiguration(pairs: [.init(certificateFile: certificate, keyFile: key)])
            let error = #expect(throws: TLSError.self) { try TLSContext(configuration) }
            #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
        }
        var configuration = pair.configuration
        configuration.clientAuthentication = .required
        #expect(throws: TLSError.self) { try TLSContext(configuration) }
        configuration.clientAuthoritiesFile = none
        let error = #expect(throws: TLSError.self) { try TLSContext(configuration) }
        #expect(error?.description == "\(none): No such file or directory")
    }

    @Test("As many certificates as the limit are taken, and one more is refused")
    func pairsMax() throws {
        let one = pair.configuration.pairs[0]
        _ = try TLSContext(TLSConfiguration(pairs: Array(repeating: one, count: TLSConfiguration.pairsMax)))
        for count in [0, TLSConfiguration.pairsMax + 1] {
            #expect(throws: TLSError.self) {
                try TLSContext(TLSConfiguration(pairs: Array(repeating: one, count: count)))
            }
        }
    }

    @Test("A certificate and its key may stand in one file")
    func oneFile() throws {
        let file = try pair.folder.write("both.pem", pair.a.keyPEM + pair.a.certificatePEM)
        let credentials = try TLSCredentials(
            TLSConfiguration(pairs: [.init(certificateFile: file, keyFile: file)]))
        #expect(try shows(credentials, pair.a))
    }
}
