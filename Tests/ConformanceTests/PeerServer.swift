import HTTP
import Testing

let peerRequest = "GET /peer HTTP/1.1\r\nHost: h\r\n\r\n"

/// A server at these listeners whose `/peer` says who asks. Requests that end are noted with their peers.
func peerServer(
    _ listeners: [ListenerConfiguration], limits: HTTPLimits = HTTPLimits(), trustedProxies: String? = nil,
    handOverPath: String? = nil, notes: Notes = Notes()
) throws -> HTTPServer {
    var router = Router()
    router.immediate(.get, "/peer") { .text($0.peer) }
    var configuration = HTTPServer.Configuration(listeners: listeners, limits: limits)
    if let trustedProxies { configuration.trustedProxies = try #require(TrustedProxies(trustedProxies)) }
    configuration.handOverPath = handOverPath
    return HTTPServer(configuration: configuration, router: router) {
        notes.add("\($0.peer) \($0.status?.code ?? 0)")
    }
}

func peerServer(
    _ listeners: String, limits: HTTPLimits = HTTPLimits(), trustedProxies: String? = nil,
    handOverPath: String? = nil, notes: Notes = Notes()
) throws -> HTTPServer {
    try peerServer(
        try #require(ListenerConfiguration.list(listeners)), limits: limits, trustedProxies: trustedProxies,
        handOverPath: handOverPath, notes: notes)
}

/// Starts the server, runs `body` on a thread of its own, and stops the server.
func running(_ server: HTTPServer, _ body: @escaping @Sendable (HTTPServer) throws -> Void) async throws {
    try server.start()
    let result = await blocking { Result { try body(server) } }
    await server.stop(graceful: false)
    #expect(server.counters.snapshot.connectionsActive == 0)
    try result.get()
}

extension RawClient {
    /// What `/peer` answers.
    func peer() throws -> String {
        try send(peerRequest)
        return try response().body
    }
}
