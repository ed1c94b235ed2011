@preconcurrency import Dispatch
import Glibc
import HTTP
import Synchronization
import Testing

/// What the handlers of the test routes noticed.
final class Notes: Sendable {
    private let lines = Mutex<[String]>([])

    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }

    /// Waits until `line` was noted; blocks its thread.
    func wait(for line: String, seconds: Double = 5) -> Bool {
        for _ in 0..<Int(seconds * 200) {
            if all.contains(line) { return true }
            usleep(5_000)
        }
        return false
    }
}

/// Runs `body`, which blocks, on a thread of its own against a server with the test routes, and stops the
/// server.
func withServer(
    limits: HTTPLimits = HTTPLimits(), tls: TLSCredentials? = nil,
    configure: (inout HTTPServer.Configuration) -> Void = { _ in },
    _ body: @escaping @Sendable (_ port: UInt16, _ server: HTTPServer, _ notes: Notes) throws -> Void
) async throws {
    let notes = Notes()
    var configuration = HTTPServer.Configuration(port: 0, limits: limits)
    configuration.tls = tls
    for index in configuration.listeners.indices { configuration.listeners[index].usesTLS = tls != nil }
    configure(&configuration)
    let server = HTTPServer(
        configuration: configuration, router: testRouter(notes),
        onRequestEnd: { notes.add("end \($0.path) \($0.status?.code ?? 0) \($0.isComplete)") })
    try server.start()
    let port = try #require(server.port)
    let result = await blocking { Result { try body(port, server, notes) } }
    await server.stop(graceful: false)
    #expect(server.counters.snapshot.connectionsActive == 0)
    #expect(server.counters.snapshot.requestsActive == 0)
    try result.get()
}

/// Off the default pool: its few threads must stay free for the handlers.
func blocking<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        DispatchQueue(label: "test client").async { @Sendable in continuation.resume(returning: body()) }
    }
}

private func testRouter(_ notes: Notes) -> Router {
    var router = Router()
    router.immediate(.get, "/health") { _ in .json(Array(#"{"status":"ok"}"#.utf8)) }
    router.on(.get, "/subject") { request, writer in
        writer.respond(.text(request.clientSubject ?? "nobody"))
    }
    router.on(.get, "/hello") { _, writer in writer.respond(.text("hello")) }
    router.on(.post, "/echo") { request, writer in
        writer.respond(status: .ok, headers: ["Content-Type": "text/plain"], body: request.body)
    }
    router.on(.post, "/small", bodyBytesMax: 10) { request, writer in
        writer.respond(status: .ok, headers: ["Content-Type": "text/plain"], body: request.body)
    }
    router.on(.get, "/models/{id}") { request, writer in
        writer.respond(.text(request.parameters["id"] ?? "none"))
    }
    router.on(.post, "/json", takesJSON: true) { request, writer in
        writer.respond(.text("\(request.body.count) bytes"))
    }
    router.on(.get, "/query") { request, writer in writer.respond(.text(request.query ?? "none")) }
    router.on(.get, "/pour/{count}") { request, writer in
        writer.beginStream(headers: ["Content-Type": "text/plain"])
        writer.write([UInt8](repeating: 0x78, count: request.parameters["count"].flatMap { Int($0) } ?? 0))
        writer.finish()
    }
    router.on(.get, "/deluge") { _, writer in
        // Heeds nothing.
        writer.beginStream(headers: ["Content-Type": "text/plain"])
        let block = [UInt8](repeating: 0x78, count: 16_384)
        while writer.write(block) { await Task.yield() }
    }
    router.on(.get, "/stream") { _, writer in
        writer.beginEventStream()
        for number in 1...3 { writer.writeEvent(data: Array("\(number)".utf8)) }
        writer.writeEvent(data: Array("[DONE]".utf8))
        writer.finish()
    }
    router.on(.get, "/ticks") { _, writer in
        writer.onClose { notes.add("ticks closed") }
        writer.beginEventStream()
        while writer.writeEvent(data: Array("tick".utf8)) { try? await Task.sleep(for: .milliseconds(10)) }
        notes.add("ticks ended")
    }
    router.on(.get, "/flood") { _, writer in
        writer.onClose { notes.add("flood closed") }
        writer.onDrain { notes.add("flood drained") }
        writer.beginStream(headers: ["Content-Type": "text/plain"])
        let block = [UInt8](repeating: 0x78, count: 16_384)
        while !writer.isClosed {
            if writer.isBackedUp {
                if !notes.all.contains("flood backed up") { notes.add("flood backed up") }
                try? await Task.sleep(for: .milliseconds(5))
            } else {
                writer.write(block)
                await Task.yield()
            }
        }
    }
    router.on(.get, "/steps") { _, writer in
        writer.beginEventStream()
        for step in 1...3 {
            writer.writeEvent(data: Array("\(step)".utf8))
            while !notes.all.contains("saw \(step)"), !writer.isClosed {
                try? await Task.sleep(for: .milliseconds(1))
            }
        }
        writer.finish()
    }
    router.on(.get, "/silence") { _, writer in
        writer.beginEventStream()
        try? await Task.sleep(for: .milliseconds(700))
        writer.finish()
    }
    router.on(.get, "/quiet") { _, writer in
        writer.beginEventStream()
        await withCheckedContinuation { continuation in writer.onClose { continuation.resume() } }
    }
    router.on(.get, "/never") { _, writer in
        writer.onClose { notes.add("never closed") }
        notes.add("never begun")
        while !writer.isClosed { try? await Task.sleep(for: .milliseconds(5)) }
    }
    router.on(.get, "/slow") { _, writer in
        notes.add("slow begun")
        try? await Task.sleep(for: .milliseconds(300))
        writer.respond(.text("slow"))
    }
    router.on(.get, "/dropped") { _, _ in }
    router.on(.get, "/abort") { _, writer in
        writer.beginStream(headers: ["Content-Type": "text/plain"])
        writer.write(Array("half".utf8))
        writer.abort()
    }
    router.on(.get, "/twice") { _, writer in
        writer.respond(.text("first"))
        notes.add("second: \(writer.respond(.text("second")))")
    }
    router.on(.get, "/evil") { _, writer in
        writer.respond(
            status: .ok, headers: ["X-Model": "a\r\nX-Evil: 1", "X\r\nY": "1", "Content-Length": "99"])
    }
    return router
}
