import HTTP
import Telemetry
import Testing

@Suite("Metrics of the server")
struct MetricsTests {
    private func text(_ server: HTTPServer) -> String {
        var text = PrometheusText()
        server.writeMetrics(to: &text)
        return String(decoding: text.bytes, as: UTF8.self)
    }

    @Test("Requests are counted by route and status, those of no route too")
    func routes() async throws {
        try await withServer { port, server, notes in
            let client = try RawClient(port: port)
            for path in ["/hello", "/hello", "/models/a", "/models/b", "/nowhere"] {
                try client.send("GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n")
                _ = try client.response()
            }
            try client.send("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try client.response(hasBody: false)
            let bad = try RawClient(port: port)
            try bad.send("GET / HTTP/9.9\r\nHost: h\r\n\r\n")
            #expect(try bad.response().status == 505)
            _ = try bad.receiveToEnd()
            let text = text(server)
            let responses = "apus_http_responses_total"
            #expect(text.contains(#"\#(responses){route="/hello",method="GET",status="200"} 3"#))
            #expect(text.contains(#"\#(responses){route="/models/{id}",method="GET",status="200"} 2"#))
            #expect(text.contains(#"\#(responses){route="",method="",status="404"} 1"#))
            #expect(text.contains(#"\#(responses){route="",method="",status="505"} 1"#))
            #expect(text.contains(#"apus_http_refusals_total{reason="version"} 1"#))
            #expect(text.contains("\napus_http_connections_total 2\n"))
            #expect(text.contains("\napus_http_requests_in_flight 0\n"))
        }
    }

    @Test("A client that goes before any answer counts as 499")
    func vanished() async throws {
        try await withServer { port, server, notes in
            var client: RawClient? = try RawClient(port: port)
            try client?.send("GET /never HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(notes.wait(for: "never begun"))
            client?.resetAtClose()
            client = nil
            #expect(notes.wait(for: "end /never 0 false"))
            let text = text(server)
            #expect(text.contains(#"{route="/never",method="GET",status="499"} 1"#))
            #expect(text.contains("\napus_http_vanished_clients_total 1\n"))
        }
    }
}
