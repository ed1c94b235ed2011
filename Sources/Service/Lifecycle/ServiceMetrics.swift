import API
import Engine
import HTTP
import Telemetry

/// `GET /metrics`: what every part of the service counts, on one page.
struct ServiceMetrics: Sendable {
    let page = MetricsPage()

    init(_ models: ModelSlot, _ reloads: Reloads) {
        let process = ProcessFigures()
        page.add { text in
            text.family("apus_build_info", .gauge, "What runs here.")
            text.sample(1, [("version", APIVersion.current), ("architecture", Self.architecture)])
            text.family(
                "apus_ready", .gauge, "1 when requests are welcome, as /readyz says.", models.isReady ? 1 : 0)
            text.family("apus_reloads_total", .counter, "Reloads by what was read again and how it ended.")
            for outcome in reloads.outcomes {
                text.sample(outcome.successes, [("what", outcome.name), ("result", "ok")])
                text.sample(outcome.failures, [("what", outcome.name), ("result", "failed")])
            }
            process.write(to: &text)
        }
    }

    func add(_ server: HTTPServer) {
        // The server has the route that has the page.
        page.add { [weak server] text in server?.writeMetrics(to: &text) }
    }

    func add(_ loaded: LoadedModel, _ configuration: ServiceConfiguration) {
        let name = loaded.served.id
        let isCompatible = configuration.metricsCompat == .vllm
        let (precision, kvType) = (configuration.precision.rawValue, configuration.kvType.rawValue)
        page.add { [engine = loaded.engine] text in
            text.family("apus_model_info", .gauge, "The model that is served.")
            text.sample(
                1,
                [
                    ("model", name), ("precision", precision), ("kv_type", kvType),
                    ("context", String(engine.contextLength)),
                ])
            engine.writeMetrics(to: &text, compatibleModel: isCompatible ? name : nil)
        }
    }

    /// What an encoder counts; a model that embeds with the engine counts there.
    func add(_ embedder: ServedEmbedder) {
        guard let engine = embedder.engine as? Embedder else { return }
        page.add { text in engine.writeMetrics(to: &text) }
    }

    /// Rendered on the I/O loop: reading atomics and asking the kernel takes less than a hop would.
    func addRoute(to router: inout Router) {
        router.immediate(.get, "/metrics") { [page] _ in
            HTTPResponse(headers: ["Content-Type": PrometheusText.contentType], body: page.render())
        }
    }

    private static var architecture: String {
        #if arch(x86_64)
            "x86_64"
        #elseif arch(arm64)
            "arm64"
        #else
            "other"
        #endif
    }
}
