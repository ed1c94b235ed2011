import Synchronization
import Telemetry

/// What an embedder counts of its requests and steps. Its threads write, without a lock; anybody reads.
final class EmbeddingMetrics: Sendable {
    private static let milliseconds: [Double] = [
        1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000,
    ]

    let requestsWaiting = Atomic(0)
    let tokensWaiting = Atomic(0)
    let inputsRunning = Atomic(0)
    let requestsCancelled = Atomic(0)
    private let inputs = Atomic(0)
    private let tokens = Atomic(0)
    /// From submission to the last embedding.
    let requests = DurationHistogram(milliseconds: milliseconds)
    private let steps = DurationHistogram(milliseconds: milliseconds)
    /// Of the present step.
    let round = RoundTimer()

    func stepBegins(inputs count: Int, at now: UInt64) {
        inputsRunning.store(count, ordering: .relaxed)
        round.begin(at: now)
    }

    func stepEnded(inputs count: Int, tokens tokenCount: Int, seconds: Double) {
        round.end()
        inputsRunning.store(0, ordering: .relaxed)
        inputs.wrappingAdd(count, ordering: .relaxed)
        tokens.wrappingAdd(tokenCount, ordering: .relaxed)
        steps.observe(nanoseconds: UInt64(seconds * 1e9))
    }

    /// Everything as Prometheus reads it.
    func write(to text: inout PrometheusText) {
        let figures: [(name: String, kind: PrometheusText.Kind, help: String, value: Int)] = [
            (
                "requests_waiting", .gauge, "Requests with inputs that are in no step yet.",
                requestsWaiting.load(ordering: .relaxed)
            ),
            ("tokens_waiting", .gauge, "Tokens of those inputs.", tokensWaiting.load(ordering: .relaxed)),
            ("inputs_running", .gauge, "Inputs of the present step.", inputsRunning.load(ordering: .relaxed)),
            ("inputs_total", .counter, "Inputs that were embedded.", inputs.load(ordering: .relaxed)),
            ("tokens_total", .counter, "Tokens of those inputs.", tokens.load(ordering: .relaxed)),
            (
                "requests_cancelled_total", .counter, "Requests whose client went before the end.",
                requestsCancelled.load(ordering: .relaxed)
            ),
        ]
        for figure in figures {
            text.family("apus_embedding_\(figure.name)", figure.kind, figure.help, figure.value)
        }
        text.family(
            "apus_embedding_request_duration_seconds", "From a request's submission to its last embedding.",
            requests)
        text.family("apus_embedding_step_duration_seconds", "One step of the model that embeds.", steps)
    }
}

extension Embedder {
    /// Writes the embedder's figures; never waits for it.
    public func writeMetrics(to text: inout PrometheusText) { queue.metrics.write(to: &text) }
}
