import Testing

@testable import HTTP

@Suite("What proxies say about the client")
struct ForwardedTests {
    private func client(_ fields: HTTPFields, peer: String? = "10.0.0.1", trusted: String = "10.0.0.0/8, ::1")
        throws
        -> String?
    {
        try #require(TrustedProxies(trusted)).client(of: fields, peer: peer.flatMap { IPAddress($0) })?.text
    }

    @Test("Who is not trusted is not heard (check 102)")
    func untrusted() throws {
        for fields: HTTPFields in [["X-Forwarded-For": "192.0.2.1"], ["Forwarded": "for=192.0.2.1"]] {
            #expect(try client(fields, peer: "11.0.0.1") == nil)
            #expect(try client(fields, peer: nil) == nil)
            #expect(TrustedProxies().client(of: fields, peer: IPAddress("10.0.0.1")) == nil)
            #expect(TrustedProxies().client(of: fields, peer: nil) == nil)
            #expect(try client(fields, peer: "10.0.0.1") == "192.0.2.1")
            #expect(try client(fields, peer: "::1") == "192.0.2.1")
            #expect(try client(fields, peer: nil, trusted: "unix") == "192.0.2.1")
            #expect(try client(fields, peer: "10.0.0.1", trusted: "unix") == nil)
        }
    }

    @Test(
        "The last address that is not a trusted proxy's is the client's (check 102)",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("192.0.2.1, 10.0.0.2", "192.0.2.1"),
            ("6.6.6.6, 192.0.2.1", "192.0.2.1"),
            ("6.6.6.6, 192.0.2.1, 10.0.0.2,10.0.0.3", "192.0.2.1"), ("10.0.0.9, 10.0.0.2", "10.0.0.9"),
            ("192.0.2.1:4711", "192.0.2.1:4711"), ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:80", "[2001:db8::1]:80"), ("::ffff:192.0.2.1", "192.0.2.1"),
            ("192.0.2.1, junk, 10.0.0.2", "10.0.0.2"), ("192.0.2.1, unknown", nil), ("192.0.2.1,", nil),
            ("", nil),
            ("192.0.2.1:", nil), ("192.0.2.1:65536", nil), ("[192.0.2.1]", nil), ("[::1]x", nil),
            ("[::1", nil),
        ] as [(String, String?)])
    func usual(value: String, expected: String?) throws {
        #expect(try client(["X-Forwarded-For": value]) == expected)
    }

    @Test("All lines are one list (check 102)")
    func lines() throws {
        #expect(
            try client(["X-Forwarded-For": "6.6.6.6", "x-forwarded-for": "192.0.2.1, 10.0.0.2"])
                == "192.0.2.1")
        #expect(try client(["X-Forwarded-For": "192.0.2.1", "X-Forwarded-For": "10.0.0.2"]) == "192.0.2.1")
        #expect(try client(["Forwarded": "for=192.0.2.1", "Forwarded": "for=10.0.0.2"]) == "192.0.2.1")
    }

    @Test(
        "Forwarded is read as RFC 7239 has it (check 102)",
        arguments: [
            ("for=192.0.2.1", "192.0.2.1"), ("For=\"192.0.2.1:4711\"", "192.0.2.1:4711"),
            ("for=\"[2001:db8:cafe::17]:4711\"", "[2001:db8:cafe::17]:4711"),
            ("for=\"[2001:db8:cafe::17]\"", "2001:db8:cafe::17"),
            ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
            ("proto=https ; for=192.0.2.60 ; host=\"a,b;for=6.6.6.6\"", "192.0.2.60"),
            ("for=6.6.6.6, for=192.0.2.43 ,for=10.0.0.2", "192.0.2.43"), ("for=\"192.0\\.2.1\"", "192.0.2.1"),
            (";for=192.0.2.1;", "192.0.2.1"), ("for=192.0.2.1, by=10.0.0.2", nil), ("for=unknown", nil),
            ("for=192.0.2.1, for=_gazonk", nil), ("for=192.0.2.1:80", "192.0.2.1:80"),
            // Broken lines say nothing.
            ("for=192.0.2.1;for=6.6.6.6", nil), ("for = 192.0.2.1", nil), ("for=\"192.0.2.1", nil),
            ("for=", nil),
            ("for", nil), ("for=192.0.2.1 x", nil), ("for=\"192.0.2.1\"x", nil), ("for=[::1]", nil),
            ("for=\"6.6.6.6\\", nil), ("for=192.0.2.1,", nil), ("", nil),
        ] as [(String, String?)])
    func standard(value: String, expected: String?) throws {
        #expect(try client(["Forwarded": value]) == expected)
    }

    @Test("Where both headers stand and disagree, neither counts (check 102)")
    func both() throws {
        #expect(
            try client(["Forwarded": "for=192.0.2.1", "X-Forwarded-For": "6.6.6.6, 192.0.2.1"]) == "192.0.2.1"
        )
        #expect(try client(["Forwarded": "for=6.6.6.6", "X-Forwarded-For": "192.0.2.1"]) == nil)
        #expect(try client(["Forwarded": "for=192.0.2.1", "X-Forwarded-For": "6.6.6.6"]) == nil)
        #expect(try client(["Forwarded": "for=unknown", "X-Forwarded-For": "6.6.6.6"]) == nil)
    }

    @Test(
        "A list of proxies is read whole or not at all",
        arguments: [
            ("127.0.0.1", true), ("127.0.0.1,10.0.0.0/8 , ::1,unix", true), ("unix", true), ("", false),
            ("127.0.0.1,", false), ("localhost", false), ("10.0.0.1/8", false), ("UNIX", false),
        ])
    func settings(text: String, isSound: Bool) {
        #expect((TrustedProxies(text) != nil) == isSound)
    }

    @Test("A list has at most 256 ranges")
    func count() {
        let most = [String](repeating: "10.0.0.0/8", count: TrustedProxies.countMax).joined(separator: ",")
        #expect(TrustedProxies(most) != nil)
        #expect(TrustedProxies(most + ",::1") == nil)
    }
}
