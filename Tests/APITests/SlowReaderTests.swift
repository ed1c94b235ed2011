import Engine
import Glibc
import HTTP
import ModelFiles
import Synchronization
import Testing

@testable import API

/// An engine whose requests a test feeds with tokens, by their prompts' first tokens.
private final class FedEngine: GenerationEngine {
    let contextLength = 1 << 20
    let vocabularyCount: Int
    let status = EngineStatus()
    private let sinks = Mutex<[TokenID: GenerationSink]>([:])

    init(vocabularyCount: Int) { self.vocabularyCount = vocabularyCount }

    func checkQueue(behind others: Int) throws(AdmissionError) {}

    func submit(_ request: GenerationRequest, sink: @escaping GenerationSink) throws(AdmissionError)
        -> any Generation
    {
        sink([.admitted])
        sinks.withLock { $0[request.prompt[0]] = sink }
        return Fed()
    }

    func has(_ prompt: TokenID) -> Bool { sinks.withLock { $0[prompt] != nil } }

    func feed(_ prompt: TokenID, _ events: [GenerationEvent]) {
        sinks.withLock { $0[prompt] }?(events)
    }

    private final class Fed: Generation {
        func cancel() {}
        func cancel(choice: Int) {}
    }
}

@Suite struct SlowReaderTests {
    private static let letter = GenerationEvent.token(choice: 0, token: 100, logprob: nil, alternatives: [])
    private static let end: [GenerationEvent] = [
        .finished(choice: 0, reason: .length), .ended(timings: GenerationTimings()),
    ]

    @Test
    func `a slow reader holds up its own stream only, and catches up in fewer events (check 83)`()
        async throws
    {
        var limits = HTTPLimits()
        limits.outboundHighWaterBytes = 65_536
        limits.outboundLowWaterBytes = 16_384
        let engine = FedEngine(vocabularyCount: 300)
        let service = try TestService(serving: engine, limits: limits)
        try await TestService.run(service) {
            let slow = HTTPClient.open(service.client.port, receiveBuffer: 4_096)
            defer { close(slow) }
            let body = #"{"prompt":[70],"max_tokens":1000000,"stream":true}"#
            let head = "Host: x\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
            let text = Array("POST /v1/completions HTTP/1.1\r\n\(head)Connection: close\r\n\r\n\(body)".utf8)
            _ = text.withUnsafeBytes { write(slow, $0.baseAddress, $0.count) }
            try await waitUntil { engine.has(70) }

            // Until the kernel's buffers are full too, and nothing more of it is sent.
            var fed = 0
            var unsentRounds = 0
            while unsentRounds < 10, fed < 500_000 {
                let before = service.counters.bytesSent
                for _ in 0..<1_000 { engine.feed(70, [Self.letter]) }
                fed += 1_000
                try await Task.sleep(for: .milliseconds(20))
                unsentRounds = service.counters.bytesSent == before ? unsentRounds + 1 : 0
            }
            #expect(service.counters.limitsReached["outbound-high-water-bytes"] ?? 0 > 0)
            // The engine is not held up: what it makes gathers, and is written once there is room again.
            let sent = service.counters.bytesSent
            for _ in 0..<10_000 { engine.feed(70, [Self.letter]) }
            fed += 10_000

            // Another stream has its tokens one by one meanwhile.
            async let other = service.client.post(
                "/v1/completions", #"{"prompt":[71],"max_tokens":100,"stream":true}"#)
            try await waitUntil { engine.has(71) }
            for _ in 0..<50 { engine.feed(71, [Self.letter]) }
            engine.feed(71, Self.end)
            let reply = try await other
            #expect(reply.events.last?.hasPrefix("[DONE]") == true)
            #expect(service.counters.bytesSent - sent < 100_000, "the slow stream went on")
            #expect(service.counters.slowClients == 0)

            engine.feed(70, Self.end)
            let all = await HTTPClient.receiveAll(slow)
            let chunks = all.matches(of: /"text":"(a*)"/)
            #expect(chunks.reduce(0) { $0 + $1.1.count } == fed)
            #expect(chunks.count < fed - 9_000, "\(chunks.count) events for \(fed) tokens")
            #expect(all.contains("data: [DONE]"))
        }
    }

    @Test func `merged deltas keep what was in them, in order, for each answer by itself`() {
        func delta(_ choice: Int, _ text: String) -> AnswerEvent {
            .delta(choice: choice, TextDelta(text: Array(text.utf8)))
        }
        let end = AnswerEvent.finished(choice: 0, .stop, delta: TextDelta())
        #expect(
            AnswerEvent.merged([.admitted, delta(0, "a"), delta(1, "x"), delta(0, "b"), end, delta(1, "y")])
                == [.admitted, delta(0, "ab"), delta(1, "xy"), end])
        let token = AnswerToken(token: 1, logprob: nil, alternatives: [])
        let long = (0..<(AnswerEvent.mergedTokensMax + 1)).map { _ in
            AnswerEvent.delta(choice: 0, TextDelta(text: [97], tokens: [token]))
        }
        #expect(AnswerEvent.merged(Array(long.dropLast())).count == 1)
        #expect(AnswerEvent.merged(long).count == 2)
    }

    @Test func `merged deltas keep reasoning, text and calls apart`() {
        func delta(_ parts: AnswerPart...) -> AnswerEvent { .delta(choice: 0, TextDelta(parts: parts)) }
        let call = AnswerPart.call(index: 0, id: "1", name: "f")
        let other = AnswerPart.call(index: 1, id: "2", name: "g")
        #expect(
            AnswerEvent.merged([
                delta(.reasoning([1])), delta(.reasoning([2]), .content([3])), delta(.content([4])),
                delta(call), delta(.arguments(index: 0, [5])), delta(.arguments(index: 0, [6])),
                delta(other, .arguments(index: 1, [7])),
            ]) == [
                delta(
                    .reasoning([1, 2]), .content([3, 4]), call, .arguments(index: 0, [5, 6]), other,
                    .arguments(index: 1, [7]))
            ])
    }
}
