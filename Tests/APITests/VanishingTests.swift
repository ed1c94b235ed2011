import Glibc
import Testing

/// A client that goes away, over sockets, with a real engine behind: wherever its request stands, the engine has
/// let go of it when the step that runs ends.
@Suite struct VanishingTests {
    private static let long = "[" + Array(repeating: "70", count: 200).joined(separator: ",") + "]"

    @Test(arguments: [false, true])
    func inTheQueue(stream: Bool) async throws {
        try await TestService.run(sequencesMax: 1) { service, engine async throws in
            let first = send(#"{"prompt":"x","max_tokens":50,"ignore_eos":true}"#, service)
            try await waitUntil { engine.stepsBegun == 1 }
            let second = send(#"{"prompt":"y","max_tokens":50,"stream":\#(stream)}"#, service)
            try await waitUntil { engine.status.requestsWaiting >= 1 }
            engine.allow(steps: 1)
            try await waitUntil { engine.stepsBegun == 2 && engine.status.requestsWaiting == 1 }
            try await vanish(second, engine)
            engine.allow(steps: 1)
            try await waitUntil { engine.stepsBegun == 3 }
            #expect(engine.status.requestsWaiting == 0 && engine.status.sequencesRunning == 1)
            try await vanish(first, engine)
        }
    }

    @Test(arguments: [false, true])
    func inPrefill(stream: Bool) async throws {
        try await TestService.run { service, engine async throws in
            let client = send(#"{"prompt":\#(Self.long),"max_tokens":50,"stream":\#(stream)}"#, service)
            engine.allow(steps: 1)
            try await waitUntil { engine.stepsBegun == 2 }
            #expect(engine.status.blocksFree < engine.status.blockCount)
            try await vanish(client, engine)
            try await expectFree(engine, steps: 2)
        }
    }

    /// Of an embedding request the inputs that run are cancelled, and the others never begin.
    @Test func inPrefillOfInputs() async throws {
        try await TestService.run { service, engine async throws in
            let inputs = "[" + Array(repeating: Self.long, count: 40).joined(separator: ",") + "]"
            let client = send(#"{"input":\#(inputs)}"#, service, path: "/v1/embeddings")
            engine.allow(steps: 1)
            try await waitUntil { engine.stepsBegun == 2 }
            #expect(engine.status.blocksFree < engine.status.blockCount)
            // Those that the engine has are cancelled; the others never reach it.
            try await vanish(client, engine, cancels: 32)
            try await expectFree(engine, steps: 2)
        }
    }

    @Test(arguments: [(false, 1), (true, 1), (true, 3)])
    func inDecode(stream: Bool, choices: Int) async throws {
        try await TestService.run { service, engine async throws in
            let client = send(
                #"{"prompt":[70],"max_tokens":500,"ignore_eos":true,"stream":\#(stream),"n":\#(choices)}"#,
                service)
            engine.allow(steps: 40)
            try await waitUntil { engine.stepsBegun == 41 }
            #expect(engine.status.sequencesRunning == choices)
            try await vanish(client, engine)
            try await expectFree(engine, steps: 41)
        }
    }

    /// After the step that runs, nothing is held, and no other step begins.
    private func expectFree(_ engine: HeldEngine, steps: Int) async throws {
        engine.allow(steps: 1)
        try await waitUntil { engine.status.blocksFree == engine.status.blockCount }
        #expect(engine.status.sequencesRunning == 0 && engine.status.requestsWaiting == 0)
        #expect(engine.stepsBegun == steps && engine.status.steps == steps)
    }

    /// Resets the connection and waits until the engine has been told.
    private func vanish(_ descriptor: Int32, _ engine: HeldEngine, cancels: Int = 1) async throws {
        let before = engine.cancelCount
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        close(descriptor)
        try await waitUntil { engine.cancelCount >= before + cancels }
    }

    private func send(_ body: String, _ service: TestService, path: String = "/v1/completions") -> Int32 {
        let descriptor = HTTPClient.open(service.client.port)
        let text =
            "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n" + body
        _ = Array(text.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        return descriptor
    }
}
