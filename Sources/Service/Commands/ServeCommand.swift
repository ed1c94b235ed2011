import API
import HTTP
import Logging

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
        let path = try ModelLocation.resolve(configuration.model, environment: sources.environment)
        let log = ServiceLog.make(configuration)
        defer { LogOutput.standardError.flush() }

        let reloads = Reloads(log)
        let hangups = reloads.watchSignal()
        defer { withExtendedLifetime(hangups) {} }
        let models = ModelSlot()
        let metrics = ServiceMetrics(models, reloads)
        let server = server(configuration, models, metrics, log)
        metrics.add(server)
        let stop = StopSignal()
        try server.start()
        let url = "http://\(server.address ?? configuration.host)"
        log.debug("listening, loading \(path)")
        let loaded: LoadedModel
        do {
            loaded = try await load(
                ModelLoader(path: path, configuration: configuration, log: log), models)
        } catch {
            await server.stop(graceful: false)
            throw error
        }
        metrics.add(loaded, configuration)
        models.set(.ready(loaded.served))
        stop.becomeGraceful()
        log.notice(
            "serving \(loaded.served.id) at \(url)",
            metadata: [
                "context": .stringConvertible(loaded.engine.contextLength),
                "precision": "\(configuration.precision.rawValue)",
                "memory": "\(Quantity.show(bytes: loaded.plan.totalBytes))",
                "kv": "\(loaded.plan.kvText)",
            ])

        let signal = await stop.wait()
        log.notice("stopping", metadata: ["signal": .stringConvertible(Int(signal))])
        models.announceEnd()
        if configuration.shutdownDelay > .zero { try? await Task.sleep(for: configuration.shutdownDelay) }
        log.debug("accepting no more connections")
        models.set(.draining)
        await server.stop()
        loaded.engine.stop(drain: false)
        await withCheckedContinuation { continuation in
            loaded.engine.whenStopped { continuation.resume() }
        }
        log.notice("stopped")
    }

    private static func server(
        _ configuration: ServiceConfiguration, _ models: ModelSlot, _ metrics: ServiceMetrics, _ log: Logger
    ) -> HTTPServer {
        var router = Router()
        APIRoutes(models: models, stallTimeout: configuration.stallTimeout).add(to: &router)
        metrics.addRoute(to: &router)
        let address = HTTPServer.Configuration(
            host: configuration.host, port: configuration.port, limits: configuration.http)
        guard configuration.logsAccess else { return HTTPServer(configuration: address, router: router) }
        let accessLog = AccessLog(configuration, log)
        let unlogged = configuration.accessLogExclude
        return HTTPServer(configuration: address, router: router) { summary in
            if !unlogged.contains(summary.path) { accessLog.record(summary) }
        }
    }

    private static func load(_ loader: ModelLoader, _ models: ModelSlot) async throws -> LoadedModel {
        let progress = LoadProgress()
        defer { progress.end() }
        return try await loader.load {
            progress.report($0)
            models.report(progress: $0)
        }
    }
}
