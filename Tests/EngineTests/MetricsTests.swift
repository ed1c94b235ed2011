import Telemetry
import Testing

@testable import Engine

@Suite struct MetricsTests {
    private func text(_ engine: Engine, as model: String? = nil) -> String {
        var text = PrometheusText()
        engine.writeMetrics(to: &text, compatibleModel: model)
        return String(decoding: text.bytes, as: UTF8.self)
    }

    @Test func everyFigureCountsWhatItSays() async throws {
        let engine = try makeEngine()
        defer { engine.stop(drain: false) }
        let asked = GenerationRequest(prompt: prompt(1, count: 100), tokensMax: 10)
        let first = try await engine.collect(asked).collector.finished()
        #expect(first.choices[0]?.tokens.count == 10)
        var uncached = asked
        uncached.usesPrefixCache = false
        _ = try await engine.collect(uncached).collector.finished()
        _ = try await engine.collect(asked).collector.finished()
        let status = engine.status
        #expect(status.readTokens == 300 && status.queriedTokens == 200 && status.generatedTokens == 30)
        #expect(status.cachedTokens >= 64 && status.cachedTokens < 100)
        #expect(status.promptTokens + status.cachedTokens == 300)
        let text = text(engine)
        for line in [
            "apus_prompt_tokens_total 300", "apus_prefix_cache_queried_tokens_total 200",
            "apus_prefix_cache_hit_tokens_total \(status.cachedTokens)", "apus_generated_tokens_total 30",
            "apus_requests_waiting 0", "apus_sequences_running 0", "apus_sequences_paused 0",
            "apus_kv_used_bytes 0", "apus_kv_bytes \(status.memoryBytes)", "apus_steps_total \(status.steps)",
            #"apus_answers_total{reason="length"} 3"#, #"apus_answers_total{reason="stop"} 0"#,
            "apus_time_to_first_token_seconds_count 3", "apus_queue_duration_seconds_count 3",
            "apus_request_duration_seconds_count 3", "apus_step_duration_seconds_count \(status.steps)",
        ] { #expect(text.contains("\n\(line)\n"), "\(line) is not in\n\(text)") }
        #expect(!text.contains("vllm:"))
    }

    /// One step may give several tokens, which come together.
    @Test func theTimeBetweenTokensCountsStepsAndNotTokens() async throws {
        var configuration = EngineConfiguration()
        configuration.speculation = .off
        let engine = try makeEngine(configuration: configuration)
        defer { engine.stop(drain: false) }
        var request = GenerationRequest(prompt: prompt(2, count: 5), tokensMax: 8)
        request.choiceCount = 3
        _ = try await engine.collect(request).collector.finished()
        #expect(engine.metrics.interToken.count == 3 * 7)
        #expect(engine.metrics.firstToken.count == 1)
        #expect(engine.metrics.count(of: .length) == 3)
        #expect(engine.metrics.request.count == 1)
    }

    @Test func aStopStringCountsAsAStopAndACancelAsACancel() async throws {
        let control = FakeModelControl(stepsAllowed: 2)
        let engine = try makeEngine(control: control)
        defer { engine.stop(drain: false) }
        let stopped = try engine.collect(GenerationRequest(prompt: prompt(1, count: 5), tokensMax: 200))
        #expect(await eventually { !stopped.collector.now.choices.isEmpty })
        stopped.generation.cancel(choice: 0)
        let cancelled = try engine.collect(GenerationRequest(prompt: prompt(2, count: 5), tokensMax: 200))
        cancelled.generation.cancel()
        control.allow(steps: .max)
        #expect(await stopped.collector.finished().choices[0]?.reason == .cancelled)
        #expect(await cancelled.collector.finished().choices[0]?.reason == .cancelled)
        #expect(engine.metrics.count(of: .stop) == 1 && engine.metrics.count(of: .cancelled) == 1)
        let text = text(engine, as: "m")
        let success = #"vllm:request_success_total{model_name="m",engine="0",finished_reason="#
        #expect(text.contains(success + #""stop"} 1"#) && text.contains(success + #""abort"} 1"#))
    }

    @Test func vllmsNamesHaveItsMeanings() async throws {
        let control = FakeModelControl(stepsAllowed: 1)
        var configuration = EngineConfiguration()
        configuration.sequencesMax = 1
        let engine = try makeEngine(control: control, configuration: configuration)
        defer {
            control.allow(steps: .max)
            engine.stop(drain: false)
        }
        let request = GenerationRequest(prompt: prompt(1, count: 40), tokensMax: 20)
        _ = try engine.collect(request)
        #expect(await eventually { engine.status.sequencesRunning == 1 })
        _ = try engine.collect(request)
        _ = try engine.collect(request)
        let labels = #"{model_name="a\"b",engine="0"}"#
        let text = text(engine, as: "a\"b")
        #expect(text.contains("\nvllm:num_requests_running\(labels) 1\n"))
        #expect(text.contains("\nvllm:num_requests_waiting\(labels) 2\n"))
        let line = try #require(
            text.split(separator: "\n").first { $0.hasPrefix("vllm:kv_cache_usage_perc{") })
        let use = try #require(line.split(separator: " ").last.flatMap { Double($0) })
        #expect(use > 0 && use < 1 && use == engine.status.memoryUse)
    }

    @Test func aStepThatLastsShowsInTheStatus() async throws {
        let control = FakeModelControl(stepsAllowed: 0)
        let engine = try makeEngine(control: control)
        defer { engine.stop(drain: false) }
        #expect(engine.status.roundTime == .zero)
        let answer = try engine.collect(GenerationRequest(prompt: prompt(1, count: 5), tokensMax: 2))
        #expect(await eventually { engine.status.roundTime > .milliseconds(100) })
        control.allow(steps: .max)
        _ = await answer.collector.finished()
        #expect(await eventually { engine.status.roundTime == .zero })
    }
}
