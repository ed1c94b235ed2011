import HTTP
import Testing

@Suite("Streaming")
struct StreamingTests {
    /// `/pairs` sends two events a millisecond apart, as often as it is told to; the later ones, which only a busy machine
    /// needs, up to six.
    private func withPairs(
        count: Int, _ body: @escaping @Sendable (UInt16, Notes) throws -> Void
    ) async throws {
        let notes = Notes()
        var router = Router()
        router.on(.get, "/pairs") { _, writer in
            writer.beginEventStream()
            // The end must not come in one send with the last event.
            for pair in 0...count {
                while !notes.all.contains("next \(pair)"), !notes.all.contains("end"), !writer.isClosed {
                    try? await Task.sleep(for: .milliseconds(1))
                }
                if notes.all.contains("end") { break }
                writer.writeEvent(data: Array("first".utf8))
                let later = ContinuousClock.now.advanced(by: .milliseconds(1 + pair / 10))
                while ContinuousClock.now < later {}
                writer.writeEvent(data: Array("second".utf8))
            }
            writer.finish()
        }
        let server = HTTPServer(configuration: .init(port: 0), router: router)
        try server.start()
        let port = try #require(server.port)
        let result = await blocking { Result { try body(port, notes) } }
        await server.stop(graceful: false)
        try result.get()
    }

    @Test("Two tokens a millisecond apart arrive as two reads, each one whole chunk (check 96)")
    func oneReadAnEvent() async throws {
        let pairs = 60
        try await withPairs(count: pairs) { port, notes in
            let client = try RawClient(port: port)
            try client.send("GET /pairs HTTP/1.1\r\nHost: h\r\n\r\n")
            let head = try client.receive(through: "\r\n\r\n")
            #expect(head.contains("\r\nX-Accel-Buffering: no\r\n"))
            #expect(head.contains("\r\nContent-Type: text/event-stream\r\n"))
            let first = "d\r\ndata: first\n\n\r\n"
            let second = "e\r\ndata: second\n\n\r\n"
            var apart = 0
            for pair in 0..<pairs {
                if pair % 10 == 0, apart > 0 { break }
                notes.add("next \(pair)")
                var reads: [String] = []
                // Both in one chunk are not what is wanted, and yet all that comes.
                while !(reads.last ?? "").hasSuffix("data: second\n\n\r\n") {
                    let read = try client.receive()
                    try #require(!read.isEmpty)
                    reads.append(String(decoding: read, as: UTF8.self))
                    // Never a chunk without its end.
                    #expect(read.suffix(4) == Array("\n\n\r\n".utf8)[...])
                }
                if reads == [first, second] { apart += 1 }
            }
            notes.add("end")
            #expect(try client.receive(through: "\r\n\r\n") == "0\r\n\r\n")
            // On a busy machine this thread sleeps through most milliseconds; a server that gathers events never sends two.
            #expect(apart > 0, "no pair came as two reads")
        }
    }
}
