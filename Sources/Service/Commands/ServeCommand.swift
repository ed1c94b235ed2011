import API
import HTTP
import Logging

/// `apus serve`: from the configuration to the end of the last request.
///
/// It listens before the model is loaded, so that `GET /health` can say so; what else comes meanwhile is answered 503.
/// SIGTERM and SIGINT stop it gracefully: requests that run may end within `drain-timeout`. A second one stops it at once.
public enum ServeCommand {
    public static func run(_ sources: SettingSources) async throws {
        let configuration = try await sources.configuration()
        let path = try ModelLocation.resolve(configuration.model, environment: sources.environment)
        let log = ServiceLog.make(configuration)
        defer { LogOutput.standardError.flush() }

        let models = ModelSlot()
        let manager = ServiceManager(environment: sources.environment)
        let server = server(configuration, manager, models, log)
        let stop = StopSignal()
        server.onHandedOver { stop.handedOver() }
        try server.start(isReady: false)
        let urls = server.listeners.map(\.url).joined(separator: ", ")
        log.debug("listening, loading \(path)")
        let loaded: LoadedModel
        do {
            loaded = try await load(ModelLoader(path: path, configuration: configuration, log: log))
        } catch {
            await server.stop(graceful: false)
            throw error
        }
        models.set(.ready(loaded.served))
        try server.becomeReady()
        stop.becomeGraceful()
        log.notice(
            "serving \(loaded.served.id) at \(urls)",
            metadata: [
                "context": .stringConvertible(loaded.engine.contextLength),
                "precision": "\(configuration.precision.rawValue)",
                "memory": "\(Quantity.show(bytes: loaded.plan.totalBytes))",
                "kv": "\(loaded.plan.kvText)",
            ])

        announce(to: manager, server)

        switch await stop.wait() {
        case .signal(let number):
            log.notice("stopping", metadata: ["signal": .stringConvertible(Int(number))])
        case .handOver: log.notice("stopping: another process has taken over")
        }
        manager.notify("STOPPING=1")
        // Who was let in is served, though a successor may be there already: no answer sends anybody away before that.
        await server.stop()
        models.set(.draining)
        loaded.engine.stop(drain: false)
        await withCheckedContinuation { continuation in
            loaded.engine.whenStopped { continuation.resume() }
        }
        log.notice("stopped")
    }

    /// Readiness, and from then on a sign of life as often as the manager wants one, from the loop that serves.
    private static func announce(to manager: ServiceManager, _ server: HTTPServer) {
        manager.notify("READY=1")
        guard let timeout = manager.watchdogTimeout else { return }
        server.startHeartbeat(every: timeout / 3) { manager.notify("WATCHDOG=1") }
    }

    private static func server(
        _ configuration: ServiceConfiguration, _ manager: ServiceManager, _ models: ModelSlot, _ log: Logger
    ) -> HTTPServer {
        var router = Router()
        APIRoutes(models: models).add(to: &router)
        var address = HTTPServer.Configuration(
            listeners: manager.resolve(configuration.listeners), limits: configuration.http)
        address.trustedProxies = configuration.trustedProxies
        address.handOverPath = configuration.handOver
        guard configuration.logsAccess else { return HTTPServer(configuration: address, router: router) }
        return HTTPServer(configuration: address, router: router) { ServiceLog.access($0, log) }
    }

    private static func load(_ loader: ModelLoader) async throws -> LoadedModel {
        let progress = LoadProgress()
        defer { progress.end() }
        return try await loader.load { progress.report($0) }
    }
}
