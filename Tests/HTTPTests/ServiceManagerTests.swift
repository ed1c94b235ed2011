import Testing

@testable import HTTP

@Suite("What a service manager passes on")
struct ServiceManagerTests {
    private func sockets(_ environment: [String: String]) -> [String] {
        ServiceManager(environment: environment, processID: 42).sockets.map { "\($0.descriptor) \($0.name)" }
    }

    @Test("Listening sockets, from descriptor 3 on, with their names (check 99)")
    func listening() {
        let environment = ["LISTEN_PID": "42", "LISTEN_FDS": "2"]
        #expect(sockets(environment) == ["3 unknown", "4 unknown"])
        #expect(
            sockets(environment.merging(["LISTEN_FDNAMES": "http:admin"]) { $1 }) == ["3 http", "4 admin"])
        #expect(sockets(environment.merging(["LISTEN_FDNAMES": "http:"]) { $1 }) == ["3 http", "4 "])
        #expect(sockets(environment.merging(["LISTEN_FDNAMES": "one"]) { $1 }) == ["3 unknown", "4 unknown"])
        #expect(sockets(["LISTEN_PID": "42", "LISTEN_FDS": "32"]).count == 32)
    }

    @Test(
        "What is meant for another process, or makes no sense, is not there (check 99)",
        arguments: [
            [:], ["LISTEN_FDS": "1"], ["LISTEN_PID": "43", "LISTEN_FDS": "1"], ["LISTEN_PID": "42"],
            ["LISTEN_PID": "42", "LISTEN_FDS": "0"], ["LISTEN_PID": "42", "LISTEN_FDS": "33"],
            ["LISTEN_PID": "42", "LISTEN_FDS": "-1"], ["LISTEN_PID": "42", "LISTEN_FDS": "+1"],
            ["LISTEN_PID": "42", "LISTEN_FDS": "99999999999999999999"],
            ["LISTEN_PID": "", "LISTEN_FDS": "1"],
        ])
    func nothing(environment: [String: String]) {
        #expect(sockets(environment) == [])
    }

    @Test("Listeners that ask for systemd's sockets get them with their own options")
    func resolving() throws {
        let manager = ServiceManager(
            environment: ["LISTEN_PID": "42", "LISTEN_FDS": "3", "LISTEN_FDNAMES": "a:b:a"], processID: 42)
        func resolved(_ text: String) throws -> [String] {
            manager.resolve(try #require(ListenerConfiguration.list(text))).map { listener in
                guard case .inherited(let descriptor, let name, let ownsFile) = listener.address else {
                    return listener.name
                }
                return "\(descriptor) \(name) \(ownsFile) \(listener.requiresProxy)"
            }
        }
        #expect(
            try resolved("systemd") == [
                "3 systemd:a false false", "4 systemd:b false false", "5 systemd:a false false",
            ])
        #expect(try resolved("systemd:a;proxy") == ["3 systemd:a false true", "5 systemd:a false true"])
        #expect(try resolved("[::]:80,systemd:b") == ["[::]:80", "4 systemd:b false false"])
        #expect(try resolved("systemd:none") == ["systemd:none"])
    }

    @Test("Where notes go, and how often a sign of life is due")
    func notes() {
        func manager(_ environment: [String: String]) -> ServiceManager {
            ServiceManager(environment: environment, processID: 42)
        }
        #expect(manager(["NOTIFY_SOCKET": "/run/x"]).notifyAddress == Array("/run/x".utf8))
        #expect(manager(["NOTIFY_SOCKET": "@x"]).notifyAddress == [0, 0x78])
        for nowhere in ["", "/", "@", "x", "vsock:2:1", "/" + String(repeating: "a", count: 107)] {
            #expect(manager(["NOTIFY_SOCKET": nowhere]).notifyAddress == nil)
        }
        #expect(manager(["WATCHDOG_USEC": "30000000"]).watchdogTimeout == .seconds(30))
        #expect(manager(["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "42"]).watchdogTimeout == .seconds(30))
        #expect(manager(["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "43"]).watchdogTimeout == nil)
        #expect(manager(["WATCHDOG_USEC": "0"]).watchdogTimeout == nil)
        #expect(manager([:]).watchdogTimeout == nil)
    }

    @Test("A hand-over's message is read back, and nothing else is one")
    func handOver() {
        #expect(
            HandOver.names(HandOver.message(["127.0.0.1:80", "unix:/a"])) == ["127.0.0.1:80", "unix:/a"])
        #expect(HandOver.names(HandOver.message([])) == [])
        #expect(HandOver.names(Array("apus listening sockets, 2\na".utf8)) == nil)
        #expect(HandOver.names([]) == nil)
    }
}
