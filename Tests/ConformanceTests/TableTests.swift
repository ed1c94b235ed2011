import Glibc
import HTTP
import Testing
import WireChecks

@Suite("Tables of bytes and answers")
struct TableTests {
    @Test("Every row of bytes gets over a socket what the parser makes of it, and nothing more")
    func wireRows() async throws {
        try await withServer { port, _, _ in
            for wire in WireTables.all { try check(wire, port) }
        }
    }

    private func check(_ wire: WireCase, _ port: UInt16) throws {
        let client = try RawClient(port: port)
        // Of a long one the rest may be refused.
        try? client.send(wire.bytes)
        var closes = false
        for request in wire.expected.dropLast() {
            let response = try client.response(hasBody: !request.hasPrefix("HEAD"))
            expectUsual(response, "\(wire)")
            #expect([200, 204, 404, 405].contains(response.status), "\(wire)")
            closes = response["connection"] == "close"
        }
        if let status = wire.refusal {
            let response = try client.response()
            expectUsual(response, "\(wire)")
            #expect(response.status == status, "\(wire)")
            #expect(response["connection"] == "close", "\(wire)")
            #expect(response.body.hasPrefix(#"{"error":{"message":""#), "\(wire)")
            closes = true
        } else if wire.expected.last == "waits" {
            client.shutDownOutput()
            closes = true
        }
        try expectEnd(closes ? .close : .open, client, "\(wire)")
    }

    @Test("Every row of requests gets its responses, in order, and the connection goes on or ends")
    func connectionRows() async throws {
        try await withServer { port, _, _ in
            for row in ConnectionCase.all {
                let client = try RawClient(port: port)
                try client.send(row.text)
                for expected in row.responses {
                    let response = try client.response(hasBody: !expected.contains("HEAD"))
                    expectUsual(response, "\(row)")
                    for what in expected { expect(what, of: response, "\(row)") }
                }
                try expectEnd(row.end, client, "\(row)")
            }
        }
    }

    private func expect(_ what: String, of response: RawResponse, _ row: Comment) {
        let rest = String(what.dropFirst())
        switch what.first {
        case "=": #expect(response.body == rest, row)
        case "!": #expect(response[rest.lowercased()] == nil, row)
        case "~": #expect(!(response.head + response.body).contains(rest), row)
        default:
            if let status = Int(what) {
                #expect(response.status == status, row)
            } else if let colon = what.firstIndex(of: ":") {
                #expect(response[what[..<colon].lowercased()] == String(what[colon...].dropFirst(2)), row)
            } else {
                #expect(what == "HEAD", row)
            }
        }
    }

    /// A kept connection serves another request; one that ends says nothing more.
    private func expectEnd(_ end: ConnectionCase.End, _ client: RawClient, _ row: Comment) throws {
        if end == .open {
            try client.send("GET /models/last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(try client.response().body == "last", row)
        }
        #expect(client.meetsEnd(), row)
    }

    /// What every response has (check 75).
    private func expectUsual(_ response: RawResponse, _ row: Comment) {
        #expect(response["date"]?.hasSuffix(" GMT") == true, row)
        #expect(response["server"] == "apus", row)
        #expect(response["x-request-id"]?.isEmpty == false, row)
        #expect((response["content-type"] == nil) == (response.status == 204), row)
        if response["content-type"] == "application/json" {
            #expect(response["x-content-type-options"] == "nosniff", row)
        }
    }
}
