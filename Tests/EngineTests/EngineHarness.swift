import Glibc
import ModelFiles
import Models
import Synchronization

@testable import Engine

func pause(milliseconds: Int) {
    usleep(UInt32(milliseconds) * 1000)
}

/// Waits for something that another thread is about to do; false after a minute.
func eventually(_ condition: () -> Bool) async -> Bool {
    for _ in 0..<30_000 {
        if condition() { return true }
        try? await Task.sleep(for: .milliseconds(2))
    }
    return false
}

/// Receives one request's events and sorts them by choice.
final class Collector: Sendable {
    struct Choice: Equatable {
        var tokens: [TokenID] = []
        var logprobs: [Float?] = []
        var alternatives: [[TokenLogprob]] = []
        var reason: FinishReason?
    }

    struct Outcome {
        var admitted = 0
        var cachedTokens: Int?
        var ended = 0
        var calls = 0
        var drafted = 0
        var accepted = 0
        var choices: [Int: Choice] = [:]
        var timings = GenerationTimings()
        /// Events after the end of their choice, or of the request.
        var late: [GenerationEvent] = []

        mutating func add(_ event: GenerationEvent) {
            if ended > 0 { late.append(event) }
            switch event {
            case .admitted: admitted += 1
            case .prefilled(let cachedTokens): self.cachedTokens = cachedTokens
            case .token(let choice, let token, let logprob, let alternatives):
                if choices[choice]?.reason != nil { late.append(event) }
                choices[choice, default: Choice()].tokens.append(token)
                choices[choice, default: Choice()].logprobs.append(logprob)
                choices[choice, default: Choice()].alternatives.append(alternatives)
            case .drafted(_, let count, let acceptedCount):
                drafted += count
                accepted += acceptedCount
            case .finished(let choice, let reason):
                if choices[choice]?.reason != nil { late.append(event) }
                choices[choice, default: Choice()].reason = reason
            case .ended(let timings):
                ended += 1
                self.timings = timings
            }
        }
    }

    private let outcome = Mutex(Outcome())

    var now: Outcome { outcome.withLock { $0 } }

    var sink: GenerationSink {
        { events in
            self.outcome.withLock { outcome in
                outcome.calls += 1
                for event in events { outcome.add(event) }
            }
        }
    }

    func finished() async -> Outcome {
        _ = await eventually { self.now.ended > 0 }
        return now
    }
}

extension Engine {
    func collect(_ request: GenerationRequest) throws -> (generation: any Generation, collector: Collector) {
        let collector = Collector()
        return (try submit(request, sink: collector.sink), collector)
    }
}

func makeEngine(
    _ shape: FakeModel.Shape = .init(), control: FakeModelControl? = nil,
    configuration: EngineConfiguration = .init()
) throws -> Engine {
    try Engine(configuration: configuration) { FakeModel(shape, control: control) }
}

extension Logits {
    /// One row, summarised as a model does it.
    static func holding(_ values: [Float], _ output: StepBatch.Output = .init(column: 0)) -> Logits {
        let logits = Logits(vocabularyCount: values.count)
        logits.prepare([output])
        logits[0].values.update(from: values, count: values.count)
        for segment in 0..<logits.segmentCount { logits[0].summarize(segment) }
        return logits
    }
}

extension Sampler {
    func sample(
        _ values: [Float], for request: GenerationRequest, after tokens: [TokenID] = [], uniform: Double
    ) throws -> SampledToken {
        let output = Self.output(column: 0, for: request, vocabularyCount: values.count)
        let logits = Logits.holding(values, output)
        return try withExtendedLifetime(logits) {
            let drawn = try sample(logits[0], for: request, after: tokens, uniform: uniform)
            // The row is as before, its summary too.
            precondition((0..<values.count).allSatisfy { logits[0].values[$0] == values[$0] })
            let again = try sample(logits[0], for: request, after: tokens, uniform: uniform)
            precondition(again == drawn)
            return drawn
        }
    }
}

/// What one choice has to be: the fake model's own rows, sampled one after the other.
func expectedChoice(
    _ request: GenerationRequest, choice: Int = 0, shape: FakeModel.Shape = .init()
) throws -> Collector.Choice {
    let sampler = Sampler(vocabularyCount: shape.vocabularyCount)
    let random = CounterRandom(seed: request.sampling.seed ?? 0, choice: choice)
    var expected = Collector.Choice()
    let tokensMax = min(request.tokensMax, shape.contextLength - request.prompt.count)
    while expected.tokens.count < tokensMax {
        let row = FakeModel.logits(
            after: request.prompt + expected.tokens, shape)
        let drawn = try sampler.sample(
            row, for: request, after: request.prompt + expected.tokens,
            uniform: random.uniform(position: expected.tokens.count))
        if request.stopTokens.contains(drawn.token) {
            expected.reason = .stopToken(drawn.token)
            return expected
        }
        expected.tokens.append(drawn.token)
        expected.logprobs.append(drawn.logprob)
        expected.alternatives.append(drawn.alternatives)
    }
    expected.reason = .length
    return expected
}

/// A prompt that depends on its number.
func prompt(_ number: Int, count: Int, vocabularyCount: Int = 97) -> [TokenID] {
    (0..<count).map { TokenID((number * 31 + $0 * $0 * 7 + $0) % vocabularyCount) }
}
