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

        mutating func add(_ drawn: SampledToken) {
            tokens.append(drawn.token)
            logprobs.append(drawn.logprob)
            alternatives.append(drawn.alternatives)
        }
    }

    struct Outcome {
        var admitted = 0
        var cachedTokens: Int?
        /// Processed and cached tokens.
        var progress: [[Int]] = []
        /// Tokens that choices went on without.
        var dropped = 0
        var prompt: [PromptToken] = []
        var embedding: [Float]?
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
            case .progress(let processed, let cached): progress.append([processed, cached])
            case .promptTokens(let tokens): prompt += tokens
            case .embedding(let embedding): self.embedding = embedding
            case .prefilled(let cachedTokens): self.cachedTokens = cachedTokens
            case .token(let choice, let token, let logprob, let alternatives):
                if choices[choice]?.reason != nil { late.append(event) }
                choices[choice, default: Choice()].tokens.append(token)
                choices[choice, default: Choice()].logprobs.append(logprob)
                choices[choice, default: Choice()].alternatives.append(alternatives)
            case .drafted(_, let count, let acceptedCount):
                drafted += count
                accepted += acceptedCount
            case .shifted(_, let count): dropped += count
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
        _ values: [Float], for request: GenerationRequest, after tokens: [TokenID], chances: TokenChances,
        state: inout SamplerState
    ) throws -> SampledToken {
        let output = Self.output(column: 0, for: request, vocabularyCount: values.count)
        let logits = Logits.holding(values, output)
        return try withExtendedLifetime(logits) {
            var (first, second) = (state, state)
            let drawn = try sample(
                logits[0], for: request, after: tokens, chances: chances, state: &first)
            // The row is as before, its summary too.
            precondition((0..<values.count).allSatisfy { logits[0].values[$0] == values[$0] })
            let again = try sample(
                logits[0], for: request, after: tokens, chances: chances, state: &second)
            precondition(again == drawn && first == second)
            state = first
            return drawn
        }
    }

    /// Of a request whose sampler carries nothing from token to token.
    func sample(
        _ values: [Float], for request: GenerationRequest, after tokens: [TokenID] = [], uniform: Double
    ) throws -> SampledToken {
        var state = SamplerState()
        return try sample(
            values, for: request, after: tokens, chances: TokenChances(draw: uniform), state: &state)
    }
}

/// What one choice has to be: the fake model's own rows, sampled one after the other.
func expectedChoice(
    _ request: GenerationRequest, choice: Int = 0, shape: FakeModel.Shape = .init()
) throws -> Collector.Choice {
    let sampler = Sampler(vocabularyCount: shape.vocabularyCount)
    let random = CounterRandom(seed: request.sampling.seed ?? 0, choice: choice)
    var expected = Collector.Choice()
    var state = SamplerState()
    let tokensMax = min(request.tokensMax, shape.contextLength - request.prompt.count)
    while expected.tokens.count < tokensMax {
        let row = FakeModel.logits(
            after: request.prompt + expected.tokens, shape)
        let drawn = try sampler.sample(
            row, for: request, after: request.prompt + expected.tokens,
            chances: random.chances(position: expected.tokens.count), state: &state)
        if request.stopTokens.contains(drawn.token) {
            if request.reportsStopToken { expected.add(drawn) }
            expected.reason = .stopToken(drawn.token)
            return expected
        }
        expected.add(drawn)
    }
    expected.reason = .length
    return expected
}

/// A prompt that depends on its number.
func prompt(_ number: Int, count: Int, vocabularyCount: Int = 97) -> [TokenID] {
    (0..<count).map { TokenID((number * 31 + $0 * $0 * 7 + $0) % vocabularyCount) }
}
