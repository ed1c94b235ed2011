import Testing

@testable import HTTP

@Suite("Listeners as settings write them")
struct ListenerConfigurationTests {
    @Test(
        "Addresses, their names, and whether other machines reach them (check 98)",
        arguments: [
            ("127.0.0.1:8080", "127.0.0.1:8080", true), ("127.1.2.3:0", "127.1.2.3:0", true),
            ("0.0.0.0:80", "0.0.0.0:80", false), ("192.0.2.1:65535", "192.0.2.1:65535", false),
            ("[::]:8000", "[::]:8000", false), ("[::1]:8000", "[::1]:8000", true),
            ("[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:1", true), ("localhost:80", "localhost:80", true),
            ("example.org:80", "example.org:80", false),
            ("localhost.example.org:80", "localhost.example.org:80", false),
            ("unix:/run/apus.sock", "unix:/run/apus.sock", true), ("unix:@apus", "unix:@apus", true),
            ("systemd", "systemd", false), ("systemd:http", "systemd:http", false),
        ])
    func addresses(text: String, name: String, isLoopback: Bool) throws {
        let listener = try #require(ListenerConfiguration(text: text))
        #expect(listener.name == name)
        #expect(listener.isLoopback == isLoopback)
        #expect([listener].listenBeyondLoopback == !isLoopback)
    }

    @Test(
        "What is no address is refused",
        arguments: [
            "", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:+80",
            "127.0.0.1:-1",
            "::1:80", "[::1]", "[::1:80", "::1]:80", "[127.0.0.1]:80", "[]:80", "[x]:80",
            "http://127.0.0.1:80",
            "a b:80", "a\u{7}:80", "a\0:80", "unix:", "unix:@", "unix:relative", "unix:/", "unix:/dir/",
            "systemd:",
            "127.0.0.1:80;", "127.0.0.1:80;x", "127.0.0.1:80;mode=0660", "unix:/a;reuseport",
            "unix:@a;mode=0660",
            "unix:/a;mode=", "unix:/a;mode=6", "unix:/a;mode=0888", "unix:/a;mode=7777", "unix:/a;mode=00660",
            "unix:/a;mode=+660", "systemd;reuseport", "127.0.0.1:80;Proxy", "127.0.0.1:80;proxy=1",
        ])
    func refused(text: String) {
        #expect(ListenerConfiguration(text: text) == nil)
    }

    @Test("Options")
    func options() throws {
        let one = try #require(ListenerConfiguration(text: "0.0.0.0:8443;proxy; reuseport ;tls"))
        #expect(one.requiresProxy && one.reusesPort && one.usesTLS && one.isShared)
        let other = try #require(ListenerConfiguration(text: "unix:/a;mode=660"))
        #expect(other.mode == 0o660)
        #expect(!other.requiresProxy && !other.reusesPort && !other.usesTLS && !other.isShared)
    }

    @Test("A path is at most 107 bytes, as sockaddr_un has it (check 99)")
    func pathLength() {
        let longest = "/" + String(repeating: "a", count: 106)
        #expect(ListenerConfiguration(text: "unix:" + longest) != nil)
        #expect(ListenerConfiguration(text: "unix:" + longest + "a") == nil)
        let name = "@" + String(repeating: "a", count: 106)
        #expect(ListenerConfiguration(text: "unix:" + name) != nil)
        #expect(ListenerConfiguration(text: "unix:" + name + "a") == nil)
    }

    @Test("A list has commas, spaces beside them, and at most 32 listeners")
    func list() throws {
        let names = ListenerConfiguration.list("127.0.0.1:8080, [::]:8000;proxy ,unix:/run/apus.sock")?.map(
            \.name)
        #expect(names == ["127.0.0.1:8080", "[::]:8000", "unix:/run/apus.sock"])
        let most = [String](repeating: "a:1", count: ListenerConfiguration.countMax).joined(separator: ",")
        #expect(ListenerConfiguration.list(most) != nil)
        for wrong in ["", ",", "a:1,", ",a:1", "a:1,,b:1", most + ",a:1"] {
            #expect(ListenerConfiguration.list(wrong) == nil)
        }
    }

    @Test("One listener beyond loopback is enough")
    func beyondLoopback() throws {
        let listeners = try #require(ListenerConfiguration.list("127.0.0.1:1,unix:/a,0.0.0.0:1"))
        #expect(listeners.listenBeyondLoopback)
        #expect(![ListenerConfiguration](listeners.prefix(2)).listenBeyondLoopback)
    }
}
