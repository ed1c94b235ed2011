import Models
import Telemetry

/// The engine's figures as Prometheus reads them. A new figure of `EngineStatus` is one line here.
struct EngineMetricsText {
    typealias Path = KeyPath<EngineStatus, Int> & Sendable

    private static let figures: [(name: String, kind: PrometheusText.Kind, help: String, value: Path)] = [
        ("requests_waiting", .gauge, "Requests that wait for admission.", \.requestsWaiting),
        ("sequences_running", .gauge, "Sequences that prefill or decode.", \.sequencesRunning),
        ("sequences_paused", .gauge, "Sequences that made room for others.", \.sequencesPaused),
        ("kv_bytes", .gauge, "The KV memory's budget.", \.memoryBytes),
        ("kv_used_bytes", .gauge, "KV memory that sequences hold.", \.memoryUsedBytes),
        ("kv_blocks", .gauge, "KV blocks, if the window group had none.", \.blockCount),
        ("kv_blocks_free", .gauge, "KV blocks that no sequence holds.", \.blocksFree),
        ("kv_blocks_kept", .gauge, "Free KV blocks that keep computed tokens.", \.blocksKept),
        ("kv_window_blocks", .gauge, "KV blocks of layers with a sliding window.", \.windowBlockCount),
        ("kv_window_blocks_free", .gauge, "Those that no sequence holds.", \.windowBlocksFree),
        ("kv_window_blocks_kept", .gauge, "Free ones that keep computed tokens.", \.windowBlocksKept),
        ("prompt_tokens_total", .counter, "Tokens of prompts that were read, cached ones too.", \.readTokens),
        (
            "prefill_tokens_total", .counter, "Tokens computed to read prompts, and again after pauses.",
            \.promptTokens
        ),
        (
            "prefix_cache_queried_tokens_total", .counter, "Prompt tokens looked up in the prefix cache.",
            \.queriedTokens
        ),
        ("prefix_cache_hit_tokens_total", .counter, "Prompt tokens that were found there.", \.cachedTokens),
        ("generated_tokens_total", .counter, "Tokens drawn, stop tokens included.", \.generatedTokens),
        ("drafted_tokens_total", .counter, "Tokens drafted by speculation.", \.draftedTokens),
        ("accepted_tokens_total", .counter, "Drafted tokens that were what was drawn.", \.acceptedTokens),
        ("pauses_total", .counter, "Times that a sequence made room for another (preemptions).", \.pauses),
        ("steps_total", .counter, "Steps of the model.", \.steps),
        ("late_steps_total", .counter, "Steps that were late and left prompts to the next one.", \.lateSteps),
    ]

    let status: EngineStatus
    let metrics: EngineMetrics

    func write(to text: inout PrometheusText) {
        for figure in Self.figures {
            text.family("apus_\(figure.name)", figure.kind, figure.help, status[keyPath: figure.value])
        }
        text.family("apus_answers_total", .counter, "Answers that ended, by why.")
        for ending in EngineMetrics.Ending.allCases {
            text.sample(metrics.count(of: ending), [("reason", ending.rawValue)])
        }
        text.family(
            "apus_time_to_first_token_seconds", "From a request's submission to its first token.",
            metrics.firstToken)
        text.family(
            "apus_inter_token_latency_seconds", "Between two steps that gave an answer tokens.",
            metrics.interToken)
        text.family(
            "apus_request_duration_seconds", "From a request's submission to its end.", metrics.request)
        text.family(
            "apus_queue_duration_seconds", "From a request's submission to its admission.", metrics.queue)
        text.family("apus_step_duration_seconds", "One step of the model.", metrics.step)
    }

    // MARK: - vLLM's names

    /// vLLM's own names and meanings, for what is built on them: llm-d's scheduler, the Gateway API's inference
    /// extension, dashboards.
    func writeCompatible(model: String, to text: inout PrometheusText) {
        let labels = [("model_name", model), ("engine", "0")]
        func value(_ name: String, _ kind: PrometheusText.Kind, _ help: String, _ value: Int) {
            text.family("vllm:\(name)", kind, help)
            text.sample(value, labels)
        }
        // vLLM's preempted requests wait again.
        value(
            "num_requests_waiting", .gauge, "Requests that wait.",
            status.requestsWaiting + status.sequencesPaused)
        value("num_requests_running", .gauge, "Requests in the batch.", status.sequencesRunning)
        text.family("vllm:kv_cache_usage_perc", .gauge, "Share of the KV cache in use, 0 to 1.")
        text.sample(status.memoryUse, labels)
        text.family("vllm:cache_config_info", .gauge, "The KV cache's blocks.")
        text.sample(
            1,
            labels + [
                ("block_size", String(KVGeometry.blockTokens)), ("num_gpu_blocks", String(status.blockCount)),
            ])
        value("prompt_tokens_total", .counter, "Tokens of prompts that were read.", status.readTokens)
        value("generation_tokens_total", .counter, "Tokens drawn.", status.generatedTokens)
        value(
            "prefix_cache_queries_total", .counter, "Prompt tokens looked up in the cache.",
            status.queriedTokens)
        value("prefix_cache_hits_total", .counter, "Prompt tokens found in the cache.", status.cachedTokens)
        value("num_preemptions_total", .counter, "Preemptions.", status.pauses)
        text.family("vllm:request_success_total", .counter, "Answers that ended, by why.")
        let endings: [(String, [EngineMetrics.Ending])] = [
            ("stop", [.stop]), ("length", [.length]), ("abort", [.timeout, .cancelled]), ("error", [.failed]),
        ]
        for (reason, ours) in endings {
            let count = ours.reduce(0) { $0 + metrics.count(of: $1) }
            text.sample(count, labels + [("finished_reason", reason)])
        }
        let histograms: [(String, String, DurationHistogram)] = [
            ("time_to_first_token_seconds", "Until the first token.", metrics.firstToken),
            ("inter_token_latency_seconds", "Between tokens.", metrics.interToken),
            ("e2e_request_latency_seconds", "Of whole requests.", metrics.request),
            ("request_queue_time_seconds", "Until admission.", metrics.queue),
        ]
        for (name, help, histogram) in histograms { text.family("vllm:\(name)", help, histogram, labels) }
    }
}

extension Engine {
    /// Writes the engine's figures; never waits for the engine.
    ///
    /// - Parameter compatibleModel: The model's name, when vLLM's names are wanted too.
    public func writeMetrics(to text: inout PrometheusText, compatibleModel: String?) {
        let figures = EngineMetricsText(status: status, metrics: metrics)
        figures.write(to: &text)
        if let compatibleModel { figures.writeCompatible(model: compatibleModel, to: &text) }
    }
}
