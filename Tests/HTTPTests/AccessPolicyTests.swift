import Testing

@testable import HTTP

@Suite("Who may use a server")
struct AccessPolicyTests {
    private func head(_ text: String) throws -> RequestHead {
        var parser = RequestParser(limits: HTTPLimits())
        var position = 0
        guard case .head(let head) = try parser.next(Array((text + "\r\n").utf8), &position) else {
            throw WireError(.requestLine, "no head")
        }
        return head
    }

    private func get(_ path: String = "/v1/models", _ fields: String = "", host: String = "h") throws
        -> RequestHead
    {
        try head("GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\(fields)")
    }

    private var locked: AccessPolicy {
        var policy = AccessPolicy()
        policy.keys = KeyRing([
            APIKey(name: "alice", secret: "sk-a".utf8), APIKey(name: "bob", secret: "sk-b".utf8),
            APIKey(name: "bob", secret: "sk-bb".utf8),
        ])
        policy.publicPaths = ["/health"]
        return policy
    }

    @Test(
        "A key is read from either field, and its name is who comes in",
        arguments: [
            ("Authorization: Bearer sk-a\r\n", "alice"), ("authorization: bearer   sk-b\r\n", "bob"),
            ("Authorization: Bearer sk-bb\r\n", "bob"), ("x-api-key: sk-a\r\n", "alice"),
            ("Authorization: Basic eDp5\r\nX-API-Key: sk-b\r\n", "bob"),
        ])
    func keys(fields: String, name: String) throws {
        #expect(locked.verdict(try get("/v1/models", fields)) == .admitted(client: name))
    }

    @Test(
        "Anything else is refused, and told what is missing",
        arguments: [
            ("", .missingKey), ("Authorization: Basic sk-a\r\n", .missingKey),
            ("Authorization: sk-a\r\n", .missingKey), ("Authorization: Bearer \r\n", .missingKey),
            ("Authorization: Bearer sk-c\r\n", .invalidKey), ("Authorization: Bearer sk-\r\n", .invalidKey),
            ("Authorization: Bearer sk-aa\r\n", .invalidKey), ("Authorization: Bearer SK-A\r\n", .invalidKey),
            ("x-api-key:\r\n", .invalidKey),
            ("Authorization: Bearer sk-c\r\nx-api-key: sk-a\r\n", .invalidKey),
            ("Authorization: Bearer \(String(repeating: "a", count: 600))\r\n", .invalidKey),
        ] as [(String, AccessRefusal)])
    func refusals(fields: String, refusal: AccessRefusal) throws {
        #expect(locked.verdict(try get("/v1/models", fields)) == .refused(refusal))
    }

    @Test("A public path needs no key, and is public only as it is written")
    func publicPaths() throws {
        var policy = locked
        policy.hosts = .loopback
        #expect(policy.verdict(try get("/health")) == .admitted(client: nil))
        for path in ["/health/", "/%68ealth", "//health", "/v1/../health"] {
            #expect(policy.verdict(try get(path, host: "localhost")) == .refused(.missingKey), "\(path)")
        }
    }

    @Test("The hash of a key opens what the key does, and nothing else is a hash")
    func hashes() throws {
        let hex = "2C26B46B68FFC68FF99B453C1D30413413422D706483BFA0F98A5E886266E7AE"
        let key = try #require(APIKey(name: "n", sha256: hex.utf8))
        #expect(key == APIKey(name: "n", secret: "foo".utf8))
        #expect(key.sha256 == hex.lowercased())
        for bad in ["", "2c", String(hex.dropLast()), hex + "00", hex.dropLast() + "g"] {
            #expect(APIKey(name: "n", sha256: bad.utf8) == nil)
        }
    }

    @Test(
        "The loopback's names are always on the list, in every spelling that stands for them",
        arguments: [
            ("localhost", true), ("LOCALHOST:8080", true), ("localhost.", true), ("a.localhost", true),
            ("127.0.0.1:80", true), ("127.9.9.9", true), ("[::1]:8080", true),
            ("localhost.evil.example", false), ("evillocalhost", false), ("127.0.0.1.evil.example", false),
            ("127.0.0.256", false), ("127.0.1", false), ("128.0.0.1", false), ("0.0.0.0", false),
            ("[::2]", false),
            ("2130706433", false), ("127.0.0.01", false), ("[::ffff:127.0.0.1]", true),
            ("evil.example", false),
        ])
    func loopback(host: String, isAllowed: Bool) throws {
        var policy = AccessPolicy()
        policy.hosts = .loopback
        let verdict = policy.verdict(try get(host: host))
        #expect(verdict == (isAllowed ? .admitted(client: nil) : .refused(.host)))
    }

    @Test(
        "A list has names, addresses and suffixes",
        arguments: [
            ("api.example.com", true), ("API.Example.com:443", true), ("x.api.example.com", false),
            ("a.wild.example", true), ("a.b.wild.example", true), ("wild.example", false),
            ("evilwild.example", false),
            ("10.0.0.1:80", true), ("[2001:db8::1]:80", true), ("localhost", true), ("example.com", false),
        ])
    func hosts(host: String, isAllowed: Bool) throws {
        let hosts = try #require(HostList(["api.example.com", "*.Wild.example", "10.0.0.1", "2001:db8::1"]))
        #expect(hosts.contains(Array(host.utf8)[...]) == isAllowed)
        #expect(try #require(HostList(["*"])).contains(Array(host.utf8)[...]))
    }

    @Test(
        "What is no host is refused as one", arguments: ["", "a:80", "http://a", "a/b", "*.", "a b", "[::1"])
    func badHosts(pattern: String) {
        #expect(HostList([pattern]) == nil)
    }

    @Test("The authority of the target counts before Host, and both must be allowed (check 18)")
    func absoluteForm() throws {
        var policy = AccessPolicy()
        let other = try head("GET http://other/ HTTP/1.1\r\nHost: localhost\r\n")
        #expect(policy.verdict(other) == .admitted(client: nil))
        policy.hosts = .loopback
        #expect(policy.verdict(other) == .refused(.authority))
        #expect(AccessRefusal.authority.response.status == .badRequest && AccessRefusal.authority.closes)
        let disguised = try head("GET http://localhost:8080/ HTTP/1.1\r\nHost: other\r\n")
        #expect(policy.verdict(disguised) == .refused(.host))
        let fine = try head("GET http://localhost:8080/ HTTP/1.1\r\nHost: localhost:8080\r\n")
        #expect(policy.verdict(fine) == .admitted(client: nil))
        let old = try head("GET / HTTP/1.0\r\n")
        #expect(policy.verdict(old) == .admitted(client: nil))
    }

    @Test(
        "Where hosts are restricted, a foreign page may not have anything done",
        arguments: [
            ("https://evil.example", .refused(.origin)), ("null", .refused(.origin)),
            ("http://evil.example:8080", .refused(.origin)), ("localhost", .refused(.origin)),
            ("http://localhost@evil.example", .refused(.origin)),
            ("http://localhost:3000", .admitted(client: nil)),
            ("http://127.0.0.1:8080", .admitted(client: nil)),
            ("https://app.example.com", .admitted(client: nil)),
            ("vscode-webview://1a2b", .admitted(client: nil)),
        ] as [(String, AccessPolicy.Verdict)])
    func foreignPages(origin: String, verdict: AccessPolicy.Verdict) throws {
        var policy = AccessPolicy()
        let post = try head("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nOrigin: \(origin)\r\n")
        #expect(policy.verdict(post) == .admitted(client: nil))
        policy.hosts = .loopback
        policy.origins = try #require(CrossOriginPolicy(["https://app.example.com"]))
        #expect(policy.verdict(post) == verdict)
        // Reading does nothing, and the page cannot see what it read.
        #expect(
            policy.verdict(try get("/v1/models", "Origin: \(origin)\r\n", host: "localhost"))
                == .admitted(client: nil))
    }

    // MARK: - CORS

    private let preflight =
        "OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: h\r\nAccess-Control-Request-Method: POST\r\n"
        + "Access-Control-Request-Headers: authorization,content-type\r\nOrigin: "

    @Test("A preflight of an allowed origin is answered without a key (check 79)")
    func preflights() throws {
        var policy = locked
        policy.origins = try #require(CrossOriginPolicy(["https://app.example.com"]))
        guard case .answered(let answer) = policy.verdict(try head(preflight + "https://app.example.com\r\n"))
        else { throw WireError(.field, "no answer") }
        #expect(answer.status == .noContent)
        #expect(answer.headers["Access-Control-Allow-Origin"] == "https://app.example.com")
        #expect(answer.headers["Access-Control-Allow-Methods"]?.contains("POST") == true)
        #expect(answer.headers["Access-Control-Allow-Headers"] == "authorization,content-type")
        #expect(answer.headers["Access-Control-Max-Age"] == "7200")
        #expect(
            answer.headers["Vary"] == "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
        #expect(!answer.headers.contains("Access-Control-Allow-Credentials"))
        let plain = try head("OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: h\r\n")
        #expect(policy.verdict(plain) == .refused(.missingKey))
    }

    @Test(
        "Another origin gets no permission, however near it is",
        arguments: [
            "https://evil.example", "http://app.example.com", "https://app.example.com:8443", "null",
            "https://app.example.com.evil.example", "https://x.app.example.com", "https://app.example.com/",
        ])
    func foreignPreflights(origin: String) throws {
        var policy = locked
        policy.origins = try #require(CrossOriginPolicy(["https://app.example.com"]))
        guard case .answered(let answer) = policy.verdict(try head(preflight + origin + "\r\n")) else {
            throw WireError(.field, "no answer")
        }
        #expect(!answer.headers.contains("Access-Control-Allow-Origin"))
        #expect(answer.headers["Vary"]?.hasPrefix("Origin, ") == true)
        #expect(policy.origins.fields(for: Array(origin.utf8)[...]) == ["Vary": "Origin"])
    }

    @Test("Without origins there is no CORS, and a preflight is a request like others")
    func off() throws {
        #expect(locked.verdict(try head(preflight + "https://a.example\r\n")) == .refused(.missingKey))
        #expect(CrossOriginPolicy.none.fields(for: Array("https://a.example".utf8)[...]).isEmpty)
    }

    @Test("Every origin means a star, which depends on nothing")
    func anyOrigin() throws {
        let origins = try #require(CrossOriginPolicy(["*"]))
        let fields = origins.fields(for: Array("https://a.example".utf8)[...])
        #expect(fields["Access-Control-Allow-Origin"] == "*")
        #expect(!fields.contains("Vary"))
    }

    @Test(
        "What is no origin is refused as one",
        arguments: ["app.example.com", "https://", "https://a/b", "://a", ""])
    func badOrigins(origin: String) {
        #expect(CrossOriginPolicy([origin]) == nil)
    }

    @Test("Header names that are none are not repeated to the browser")
    func oddHeaders() throws {
        var policy = AccessPolicy()
        policy.origins = try #require(CrossOriginPolicy(["https://a.example"]))
        let request = try head(
            "OPTIONS / HTTP/1.1\r\nHost: h\r\nOrigin: https://a.example\r\nAccess-Control-Request-Method: POST\r\n"
                + "Access-Control-Request-Headers: a;b\r\n")
        guard case .answered(let answer) = policy.verdict(request) else {
            throw WireError(.field, "no answer")
        }
        #expect(!answer.headers.contains("Access-Control-Allow-Headers"))
    }
}
