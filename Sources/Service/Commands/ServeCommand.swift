import API
import HTTP
import Logging
import Models

/// `apus serve`: from the configuration to the end of the last request.
///
/// It listens before the model is loaded, so that `GET /readyz` can say so; what else comes meanwhile is answered 503.
///
/// SIGTERM and SIGINT stop it in phases. At once readiness fails, and for `shutdown-delay` everything is served as
/// before, until load balancers have noticed. Then no connection is accepted, idle ones are closed, and requests that
/// run may end within `drain-timeout`; what is left is told and cut. A second signal stops it at once, with 128 and
/// the signal's number as the exit code.
///
/// SIGHUP reads again what `Reloads` names.
public enum ServeCommand {
    public static func run(_ sources: SettingSources) async throws {
        let configuration = try await sources.configuration()
        let path = try ModelLocation.resolveOptional(configuration.model, environment: sources.environment)
        guard path != nil || configuration.embeddingModel != nil else {
            throw ServiceError("there is nothing to serve: --model none goes with an --embedding-model")
        }
        let log = ServiceLog.make(configuration)
        defer { LogOutput.standardError.flush() }

        let connections = configuration.http.connectionsMax + configuration.http.connectionsReserve
        let room = DescriptorLimit.makeRoom(forConnections: connections)
        if room < connections {
            log.warning(
                "fewer file descriptors than connections (ulimit -n)",
                metadata: ["room": .stringConvertible(room), "connections": .stringConvertible(connections)])
        }
        let reloads = Reloads(log)
        let hangups = reloads.watchSignal()
        defer { withExtendedLifetime(hangups) {} }
        let manager = ServiceManager(environment: sources.environment)
        let listeners = manager.resolve(configuration.listeners)
        let reach = AccessControl.Reach(
            listeners,
            demandsCertificates: configuration.tls.clientAuthentication == .required)
        let access = try AccessControl(configuration.access, reach, log)
        if configuration.access.keysFile != nil { reloads.add("api-keys") { try access.reload() } }
        let models = ModelSlot()
        let tls = try credentials(configuration, log)
        let metrics = ServiceMetrics(models, reloads)
        let server = server(configuration, listeners, tls, models, metrics, access, log)
        metrics.add(server)
        if tls != nil { reloads.add("certificates") { try server.reloadCertificates() } }
        let stop = StopSignal()
        server.onHandedOver { stop.handedOver() }
        try server.start(isReady: false)
        let urls = server.listeners.map(\.url).joined(separator: ", ")
        log.debug("listening, loading \([path, configuration.embeddingModel].compactMap { $0 })")
        let loaded: Loaded
        do {
            loaded = try await load(path, configuration, models, log)
        } catch {
            await server.stop(graceful: false)
            throw error
        }
        if let generator = loaded.generator { metrics.add(generator, configuration) }
        if let embedder = loaded.embedder {
            models.set(embedder: embedder)
            metrics.add(embedder)
        }
        models.set(.ready(loaded.generator?.served))
        try server.becomeReady()
        stop.becomeGraceful()
        log.notice("serving \(loaded.name) at \(urls)", metadata: loaded.metadata(configuration))

        announce(to: manager, server)

        switch await stop.wait() {
        case .signal(let number):
            log.notice("stopping", metadata: ["signal": .stringConvertible(Int(number))])
        case .handOver: log.notice("stopping: another process has taken over")
        }
        manager.notify("STOPPING=1")
        models.announceEnd()
        if configuration.shutdownDelay > .zero { try? await Task.sleep(for: configuration.shutdownDelay) }
        log.debug("accepting no more connections")
        // Who was let in is served, though a successor may be there already: no answer sends anybody away before that.
        await server.stop()
        models.set(.draining)
        if let engine = loaded.generator?.engine {
            engine.stop(drain: false)
            await withCheckedContinuation { continuation in
                engine.whenStopped { continuation.resume() }
            }
        }
        log.notice("stopped")
    }

    private static func credentials(
        _ configuration: ServiceConfiguration, _ log: Logger
    ) throws -> TLSCredentials? {
        let usesTLS = configuration.listeners.contains { $0.usesTLS }
        guard let settings = try configuration.tls.configuration(isWanted: usesTLS) else { return nil }
        let tls = try TLSCredentials(settings) { ServiceLog.tls($0, log) }
        log.info("certificates", metadata: ["now": "\(tls.summary)"])
        return tls
    }

    /// Readiness, and from then on a sign of life as often as the manager wants one, from the loop that serves.
    private static func announce(to manager: ServiceManager, _ server: HTTPServer) {
        manager.notify("READY=1")
        guard let timeout = manager.watchdogTimeout else { return }
        server.startHeartbeat(every: timeout / 3) { manager.notify("WATCHDOG=1") }
    }

    private static func server(
        _ configuration: ServiceConfiguration, _ listeners: [ListenerConfiguration], _ tls: TLSCredentials?,
        _ models: ModelSlot, _ metrics: ServiceMetrics, _ access: AccessControl, _ log: Logger
    ) -> HTTPServer {
        var router = Router()
        APIRoutes(models: models, stallTimeout: configuration.stallTimeout).add(to: &router)
        metrics.addRoute(to: &router)
        var address = HTTPServer.Configuration(
            listeners: listeners, limits: configuration.http)
        address.trustedProxies = configuration.trustedProxies
        address.handOverPath = configuration.handOver
        address.tls = tls
        address.access = access.gate
        address.compression = configuration.compression
        address.onAcceptFailure = { log.error("cannot accept connections", metadata: ["reason": "\($0)"]) }
        guard configuration.logsAccess else { return HTTPServer(configuration: address, router: router) }
        let accessLog = AccessLog(configuration, log)
        let unlogged = configuration.accessLogExclude
        return HTTPServer(configuration: address, router: router) { summary in
            if !unlogged.contains(summary.path) { accessLog.record(summary) }
        }
    }

    /// The models that are served; at least one.
    private struct Loaded {
        var generator: LoadedModel?
        var embedder: ServedEmbedder?
        var embedderPlan: EncoderPlan?

        var name: String { generator?.served.id ?? embedder?.id ?? "" }

        func metadata(_ configuration: ServiceConfiguration) -> Logger.Metadata {
            let bytes = (generator?.plan.totalBytes ?? 0) + (embedderPlan?.totalBytes ?? 0)
            var metadata: Logger.Metadata = [
                "precision": "\(configuration.precision.rawValue)",
                "memory": "\(Quantity.show(bytes: bytes))",
            ]
            let context = generator?.engine.contextLength ?? embedder?.engine.contextLength
            metadata["context"] = context.map { .stringConvertible($0) }
            metadata["kv"] = generator.map { "\($0.plan.kvText)" }
            if let embedder { metadata["embedding"] = "\(embedder.id)" }
            return metadata
        }
    }

    private static func load(
        _ path: String?, _ configuration: ServiceConfiguration, _ models: ModelSlot, _ log: Logger
    ) async throws -> Loaded {
        let embedder = try configuration.embeddingModel.map { folder throws(ServiceError) in
            try EmbedderLoader(path: folder, configuration: configuration)
        }
        var loaded = Loaded(embedderPlan: embedder?.plan)
        if let path {
            let loader = ModelLoader(
                path: path, configuration: configuration, embedder: embedder?.plan, log: log)
            let progress = LoadProgress()
            defer { progress.end() }
            loaded.generator = try await loader.load {
                progress.report($0)
                models.report(progress: $0)
            }
        }
        loaded.embedder = try await embedder?.load()
        return loaded
    }
}
