import TLSSupport
import Testing

@testable import HTTP

@Suite("TLS sessions")
struct TLSSessionTests {
    let pair: TLSPair

    init() throws { pair = try TLSPair() }

    @Test(
        "Bytes may be cut at every place, in both versions",
        arguments: [TLSTestClient.Version.tls12, .tls13], [1, 2, 7, 100_000])
    func pieces(version: TLSTestClient.Version, step: Int) throws {
        let client = try TLSTestClient(name: "a.example", authority: pair.authority, versionMax: version)
        let session = try pair.session()
        #expect(shakeHands(session, client, step: step) == .done)
        #expect(session.state == .open)
        #expect(client.version == (version == .tls12 ? "TLSv1.2" : "TLSv1.3"))

        let question = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try client.write(question)
        var received: [UInt8] = []
        give(session, client.takeOutput(), step: step, into: &received)
        #expect(received == question)

        var rest = question[...]
        var answer: [UInt8] = []
        while !rest.isEmpty {
            let taken = session.write(Array(rest))
            #expect(taken > 0 && taken <= TLSSession.recordBytesMax)
            rest = rest.dropFirst(taken)
            client.receive(output(session, step: step))
            answer += try #require(client.read())
        }
        #expect(answer == question)
    }

    @Test("A ClientHello in two pieces is one, wherever it is cut")
    func helloSplits() throws {
        let length = try {
            let client = try TLSTestClient(name: "a.example")
            _ = client.handshake()
            return client.takeOutput().count
        }()
        for cut in stride(from: 1, to: length, by: placesStep) {
            let client = try TLSTestClient(name: "a.example")
            _ = client.handshake()
            let hello = client.takeOutput()
            let session = try pair.session()
            var nothing: [UInt8] = []
            give(session, Array(hello[..<cut]), into: &nothing)
            try #require(session.state == .handshaking)
            give(session, Array(hello[cut...]), into: &nothing)
            client.receive(output(session))
            try #require(shakeHands(session, client) == .done)
        }
    }

    @Test(
        "TLS 1.1 and older, and ciphers without forward secrecy or AEAD, are refused (check 104)",
        arguments: [
            (.tls10, nil), (.tls11, nil), (.tls12, "AES128-GCM-SHA256"),
            (.tls12, "ECDHE-ECDSA-AES128-SHA256"), (.tls12, "aNULL@SECLEVEL=0"),
        ] as [(TLSTestClient.Version, String?)])
    func weak(version: TLSTestClient.Version, ciphers: String?) throws {
        let client = try TLSTestClient(versionMax: version, ciphers: ciphers)
        let session = try pair.session()
        #expect(shakeHands(session, client) == .failed)
        guard case .failed(.handshake(let reason)) = session.state else {
            Issue.record("state is \(session.state)")
            return
        }
        #expect(!reason.isEmpty)
        // protocol_version or handshake_failure (RFC 8446 §6.2)
        #expect(client.alert == 70 || client.alert == 40)
    }

    @Test("The minimum may be TLS 1.3 (check 104)")
    func minimum() throws {
        var pair = pair
        pair.configuration.minimumVersion = .tls13
        #expect(shakeHands(try pair.session(), try TLSTestClient(versionMax: .tls12)) == .failed)
        #expect(shakeHands(try pair.session(), try TLSTestClient()) == .done)
    }

    @Test(
        "Nothing is given to resume a session with, nor for early data (check 104)",
        arguments: [TLSTestClient.Version.tls12, .tls13])
    func noResumption(version: TLSTestClient.Version) throws {
        let client = try TLSTestClient(versionMax: version)
        let session = try pair.connected(client)
        _ = session.write(Array("hello".utf8))
        client.receive(output(session))
        #expect(client.read() == Array("hello".utf8))
        #expect(!client.canResume)
    }

    @Test("A second handshake on a connection is refused and changes nothing (check 104)")
    func noRenegotiation() throws {
        let client = try TLSTestClient(versionMax: .tls12)
        let session = try pair.connected(client)
        #expect(client.cipher.contains("ECDHE") && client.cipher.contains("GCM"))
        _ = client.renegotiate()
        var plaintext: [UInt8] = []
        give(session, client.takeOutput(), into: &plaintext)
        #expect(plaintext.isEmpty && session.state == .open)
        client.receive(output(session))
        #expect(client.handshake() == .failed)
    }

    @Test("ALPN: http/1.1 is chosen, wherever it stands; without ALPN all is well (check 105)")
    func protocols() throws {
        for offered in [["http/1.1"], ["h2", "http/1.1"], ["http/1.1", "h2"]] {
            let client = try TLSTestClient(protocols: offered)
            _ = try pair.connected(client)
            #expect(client.chosenProtocol == "http/1.1")
        }
        let silent = try TLSTestClient()
        _ = try pair.connected(silent)
        #expect(silent.chosenProtocol == nil)
    }

    @Test(
        "ALPN without http/1.1 ends in no_application_protocol (check 105)",
        arguments: [["h2"], ["h2", "acme-tls/1"]])
    func otherProtocols(offered: [String]) throws {
        let client = try TLSTestClient(protocols: offered)
        #expect(shakeHands(try pair.session(), client) == .failed)
        #expect(client.alert == 120)
    }

    @Test("Each name gets its certificate, and others the first (check 106)")
    func names() throws {
        let expected: [(String?, TestCertificate)] = [
            ("a.example", pair.a), ("b.example", pair.b), ("www.b.example", pair.b), ("B.EXAMPLE", pair.b),
            ("c.example", pair.a), ("x.www.b.example", pair.a), (nil, pair.a),
        ]
        for (name, certificate) in expected {
            let client = try TLSTestClient(name: name)
            _ = try pair.connected(client)
            #expect(client.shows(certificate), "\(name ?? "no name")")
        }
    }

    @Test("By option an unknown name is refused, and no name is not (check 106)")
    func unknownName() throws {
        var pair = pair
        pair.configuration.unknownName = .refuse
        let client = try TLSTestClient(name: "c.example")
        #expect(shakeHands(try pair.session(), client) == .failed)
        #expect(client.alert == 112)
        for name in [nil, "b.example"] as [String?] { _ = try pair.connected(TLSTestClient(name: name)) }
    }

    @Test(
        "A client without a certificate passes when it may, and not when it must (check 108)",
        arguments: [TLSTestClient.Version.tls12, .tls13])
    func noClientCertificate(version: TLSTestClient.Version) throws {
        var pair = pair
        try pair.demandClients(.optional)
        #expect(try pair.connected(TLSTestClient(versionMax: version)).clientSubject == nil)
        try pair.demandClients(.required)
        let client = try TLSTestClient(versionMax: version)
        let session = try pair.session()
        _ = shakeHands(session, client)
        guard case .failed(.handshake) = session.state else {
            Issue.record("state is \(session.state)")
            return
        }
        client.receive(output(session))
        _ = client.read()
        // certificate_required, in TLS 1.2 handshake_failure
        #expect(client.alert == (version == .tls13 ? 116 : 40))
    }

    @Test(
        "A client's good certificate makes it known, of any other the handshake fails (check 108)",
        arguments: [TLSTestClient.Version.tls12, .tls13],
        [TLSConfiguration.ClientAuthentication.optional, .required])
    func clientCertificates(
        version: TLSTestClient.Version, authentication: TLSConfiguration.ClientAuthentication
    ) throws {
        var pair = pair
        try pair.demandClients(authentication)
        let alice = try TestCertificate(commonName: "alice, \u{e9}", issuer: pair.authority)
        // With another name's certificate too: the rules are the same for all.
        for name in ["a.example", "b.example"] {
            let client = try TLSTestClient(name: name, certificate: alice, versionMax: version)
            #expect(try pair.connected(client).clientSubject == "CN=alice\\, \u{e9}")
        }
        let stranger = try TestCertificate(commonName: "Test Authority", isAuthority: true)
        let expired = try TestCertificate(commonName: "old", issuer: pair.authority, validDays: -1)
        let mallory = try TestCertificate(commonName: "alice", issuer: stranger)
        for certificate in [mallory, expired] {
            let session = try pair.session()
            _ = shakeHands(session, try TLSTestClient(certificate: certificate, versionMax: version))
            guard case .failed(.handshake) = session.state else {
                Issue.record("state is \(session.state)")
                return
            }
            #expect(session.clientSubject == nil)
        }
    }

    @Test("HTTP without TLS is known by its first byte, other garbage fails with an alert (check 109)")
    func notTLS() throws {
        var nothing: [UInt8] = []
        for request in ["GET / HTTP/1.1\r\n", "OPTIONS", "p"] {
            let session = try pair.session()
            give(session, Array(request.utf8), into: &nothing)
            #expect(session.state == .failed(.plainHTTP) && session.outputCount == 0)
        }
        for garbage: [UInt8] in [
            [0, 1, 2, 3, 4, 5], Array(repeating: 0x80, count: 20), Array(repeating: 0x16, count: 20),
        ] {
            let session = try pair.session()
            give(session, garbage, into: &nothing)
            guard case .failed(.handshake) = session.state else {
                Issue.record("state is \(session.state)")
                return
            }
        }
    }

    @Test("A ClientHello with one byte changed never does more than fail")
    func mutations() throws {
        var nothing: [UInt8] = []
        let client = try TLSTestClient(name: "a.example", protocols: ["http/1.1"])
        _ = client.handshake()
        let hello = client.takeOutput()
        for index in stride(from: 0, to: hello.count, by: placesStep) {
            for change: UInt8 in [1, 0x80, 0xFF] {
                var changed = hello
                changed[index] ^= change
                let session = try pair.session()
                give(session, changed, into: &nothing)
                #expect(!session.isOpen && nothing.isEmpty)
            }
        }
    }

    @Test("A record with one bit changed ends the session (check 110)")
    func tampered() throws {
        let client = try TLSTestClient()
        let session = try pair.connected(client)
        try client.write(Array("hello".utf8))
        var record = client.takeOutput()
        record[record.count - 1] ^= 1
        var plaintext: [UInt8] = []
        give(session, record, into: &plaintext)
        guard case .failed(.record) = session.state else {
            Issue.record("state is \(session.state)")
            return
        }
        #expect(plaintext.isEmpty)
        #expect(session.write([1]) == 0)
        #expect(!session.close())
        client.receive(output(session))
        _ = client.read()
        #expect(client.alert == 20)
    }

    @Test("close_notify ends one direction; an end without it is a truncation (check 110)")
    func ends() throws {
        let client = try TLSTestClient()
        let session = try pair.connected(client)
        try client.write(Array("last".utf8))
        client.close()
        var plaintext: [UInt8] = []
        give(session, client.takeOutput(), into: &plaintext)
        session.receiveEnd()
        #expect(plaintext == Array("last".utf8) && session.state == .ended)
        #expect(session.write([1]) == 1)
        #expect(session.close() && !session.close())
        client.receive(output(session))
        #expect(client.read() == [1])
        #expect(client.sawGoodbye)

        let cut = try pair.connected(TLSTestClient())
        cut.receiveEnd()
        #expect(cut.state == .failed(.truncated))
        let early = try pair.session()
        early.receiveEnd()
        #expect(early.state == .failed(.unfinishedHandshake) && !early.close())
    }
}
