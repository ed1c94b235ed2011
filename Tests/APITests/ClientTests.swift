import Engine
import HTTP
import Testing

@testable import API

@Suite struct ClientTests {
    @Test(arguments: ["/v1/chat/completions", "/v1/completions"])
    func `the name of a request's key is whose share of the engine it takes`(path: String) async throws {
        let script: FakeEngine.Script = { _ in FakeEngine.answer(TestService.bytes("a")) }
        try await TestService.run(script: script) { service in
            var router = Router()
            APIRoutes(models: service.models).add(to: &router)
            var configuration = HTTPServer.Configuration(port: 0)
            var policy = AccessPolicy()
            policy.keys = KeyRing(["alice", "bob"].map { APIKey(name: $0, secret: "sk-\($0)".utf8) })
            configuration.access = AccessGate(policy)
            let server = HTTPServer(configuration: configuration, router: router)
            try server.start()
            let body = #"{"prompt":"a","messages":[{"role":"user","content":"a"}],"max_tokens":1}"#
            for key in ["bob", "alice", "eve"] {
                let reply = try await HTTPClient(port: server.port ?? 0).post(
                    path, body, type: "application/json\r\nAuthorization: Bearer sk-\(key)")
                #expect(reply.status == (key == "eve" ? 401 : 200))
            }
            await server.stop(graceful: false)
            #expect(try await service.client.post(path, body).status == 200)
            #expect(service.engine.requests.map(\.key) == ["bob", "alice", ""])
        }
    }
}
