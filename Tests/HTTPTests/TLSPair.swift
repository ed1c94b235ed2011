import TLSSupport
import Testing

@testable import HTTP

/// Certificates and a client for a session.
struct TLSPair {
    let folder: TestFolder
    let a: TestCertificate
    let b: TestCertificate
    let authority: TestCertificate
    var configuration: TLSConfiguration

    init() throws {
        folder = try TestFolder()
        authority = try TestCertificate(commonName: "Test Authority", isAuthority: true)
        a = try TestCertificate(commonName: "a", names: ["a.example"], issuer: authority)
        b = try TestCertificate(commonName: "b", names: ["b.example", "*.b.example"], issuer: authority)
        var pairs: [TLSConfiguration.Pair] = []
        for (name, certificate) in [("a", a), ("b", b)] {
            let chain = certificate.certificatePEM + authority.certificatePEM
            pairs.append(
                TLSConfiguration.Pair(
                    certificateFile: try folder.write(name + ".pem", chain),
                    keyFile: try folder.write(name + ".key", certificate.keyPEM)))
        }
        configuration = TLSConfiguration(pairs: pairs)
    }

    mutating func demandClients(_ authentication: TLSConfiguration.ClientAuthentication) throws {
        configuration.clientAuthentication = authentication
        configuration.clientAuthoritiesFile = try folder.write("ca.pem", authority.certificatePEM)
    }

    func session() throws -> TLSSession {
        try #require(TLSSession(TLSContext(configuration)))
    }

    /// A session and a client after their handshake.
    func connected(_ client: TLSTestClient) throws -> TLSSession {
        let session = try session()
        try #require(shakeHands(session, client) == .done)
        return session
    }
}

/// Passes bytes between both, at most `step` at once, until nothing moves any more.
func shakeHands(_ session: TLSSession, _ client: TLSTestClient, step: Int = .max) -> TLSTestClient.Progress {
    var nothing: [UInt8] = []
    var progress = TLSTestClient.Progress.needsMore
    for _ in 0..<20 {
        progress = client.handshake()
        give(session, client.takeOutput(), step: step, into: &nothing)
        let answer = output(session, step: step)
        if answer.isEmpty { break }
        for start in stride(from: 0, to: answer.count, by: min(step, answer.count)) {
            client.receive(Array(answer[start..<min(answer.count, start + min(step, answer.count))]))
            progress = client.handshake()
        }
    }
    return progress
}

/// Lets the session decrypt `ciphertext`.
func give(_ session: TLSSession, _ ciphertext: [UInt8], step: Int = .max, into plaintext: inout [UInt8]) {
    var rest = ciphertext[...]
    while !rest.isEmpty {
        let piece = Array(rest.prefix(step))
        rest = rest.dropFirst(piece.count)
        piece.withUnsafeBytes { session.receive($0) }
        plaintext += decrypted(session)
    }
}

func decrypted(_ session: TLSSession) -> [UInt8] {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 20_000)
    while true {
        let count = buffer.withUnsafeMutableBytes { session.read(into: $0) }
        if count == 0 { return all }
        all += buffer[..<count]
    }
}

/// What the session wants to send, taken in pieces.
func output(_ session: TLSSession, step: Int = .max) -> [UInt8] {
    var all: [UInt8] = []
    while session.outputCount > 0 {
        let piece = session.withOutput { Array($0.prefix(step)) }
        all += piece
        session.dropOutput(piece.count)
    }
    return all
}

extension TLSSession {
    func write(_ bytes: [UInt8]) -> Int { bytes.withUnsafeBytes { write($0) } }
}
