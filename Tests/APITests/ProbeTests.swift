import Engine
import Glibc
import HTTP
import Testing

@testable import API

/// What orchestrators ask, and what streams say while they wait.
@Suite struct ProbeTests {
    @Test func `readiness follows the model and ends before the service does`() async throws {
        try await TestService.run { service async throws in
            let ready = try await service.client.get("/readyz")
            #expect(ready.status == 200 && ready.body == #"{"status":"ready"}"#)
            service.models.announceEnd()
            let draining = try await service.client.get("/readyz")
            #expect(draining.status == 503 && draining.body == #"{"status":"draining"}"#)
            #expect(draining.headers["retry-after"] == "1")
            #expect(try await service.client.get("/health").status == 503)
            // Load balancers have not noticed yet.
            let late = try await service.client.post("/v1/completions", #"{"prompt":"x"}"#)
            #expect(late.status == 200)
            #expect(try await service.client.get("/livez").status == 200)
        }
    }

    @Test func `while the model loads, readiness tells how far it is`() async throws {
        try await TestService.run { service async throws in
            service.models.set(.loading)
            #expect(
                try await service.client.get("/readyz").body == #"{"status":"loading","progress":0.0}"#)
            service.models.report(progress: 0.4246)
            let reply = try await service.client.get("/readyz")
            #expect(reply.status == 503 && reply.body == #"{"status":"loading","progress":0.425}"#)
            for path in ["/livez", "/healthz", "/ping"] {
                let reply = try await service.client.get(path)
                #expect(reply.status == 200 && reply.body == #"{"status":"alive"}"#)
            }
        }
    }

    @Test func `a step that never ends makes the process not alive`() async throws {
        let count = try TestService().tokenizer.vocabularyCount
        let engine = try HeldEngine(vocabularyCount: count, sequencesMax: 1)
        defer { engine.allow(steps: 1_000_000) }
        let service = try TestService(serving: engine)
        let models = service.models
        #expect(ProbeRoutes.alive(models, stallTimeout: .milliseconds(50)).status == .ok)
        let generation = try engine.submit(GenerationRequest(prompt: [70], tokensMax: 1)) { _ in }
        var isStuck = false
        for _ in 0..<2_000 where !isStuck {
            try await Task.sleep(for: .milliseconds(5))
            isStuck = ProbeRoutes.alive(models, stallTimeout: .milliseconds(50)).status == .serviceUnavailable
        }
        #expect(isStuck)
        #expect(ProbeRoutes.alive(models, stallTimeout: .seconds(600)).status == .ok)
        withExtendedLifetime(generation) {}
        await service.stop()
    }

    @Test(arguments: [true, false])
    func `a step of the model that embeds counts, beside the other and alone`(_ generates: Bool) async throws
    {
        try await TestService.run(scoresPairs: false, generates: generates) { service in
            let embedder = try #require(service.embedder)
            for (time, isAlive) in [(Duration.seconds(59), true), (.seconds(61), false), (.zero, true)] {
                embedder.roundTime = time
                let reply = ProbeRoutes.alive(service.models, stallTimeout: .seconds(60))
                #expect((reply.status == .ok) == isAlive, "\(time)")
            }
        }
    }

    @Test func `a stream that waits in the queue has its head and is not silent (check 95)`() async throws {
        var limits = HTTPLimits()
        limits.eventStreamPingInterval = .milliseconds(50)
        try await TestService.run(sequencesMax: 1, limits: limits) { service, engine async throws in
            let body = #"{"prompt":"x","max_tokens":4,"ignore_eos":true,"stream":true}"#
            let first = Stream(body, service.client.port)
            defer { first.close() }
            for _ in 0..<2_000 where engine.stepsBegun == 0 { try await Task.sleep(for: .milliseconds(5)) }
            let second = Stream(body, service.client.port)
            defer { second.close() }
            let waited = await second.text { $0.count(of: ": ping\n\n") >= 3 }
            #expect(waited.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(waited.contains("X-Accel-Buffering: no\r\n"))
            #expect(!waited.contains("data:"))
            #expect(engine.status.requestsWaiting + engine.status.sequencesRunning >= 1)
            engine.allow(steps: 1_000_000)
            let all = await second.text { $0.contains("data: [DONE]") }
            #expect(all.contains(#""text":"#))
        }
    }

    /// A raw request whose answer is read as it comes.
    private final class Stream: @unchecked Sendable {
        private let descriptor: Int32
        private var received = ""

        init(_ body: String, _ port: UInt16) {
            descriptor = HTTPClient.open(port)
            let head =
                "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
            _ = Array((head + body).utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        }

        func close() { Glibc.close(descriptor) }

        /// What came, once it is enough or half a minute is over.
        func text(until isEnough: (String) -> Bool) async -> String {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            for _ in 0..<6_000 where !isEnough(received) {
                let count = read(descriptor, &buffer, buffer.count)
                if count > 0 { received += String(decoding: buffer[..<count], as: UTF8.self) }
                try? await Task.sleep(for: .milliseconds(5))
            }
            return received
        }
    }
}

extension String {
    fileprivate func count(of mark: String) -> Int { ranges(of: mark).count }
}
