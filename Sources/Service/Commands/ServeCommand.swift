import API
import HTTP
import Logging

/// `apus serve`: from the configuration to the end of the last request.
///
/// It listens before the model is loaded, so that `GET /health` can say so; what else comes meanwhile is answered 503.
/// SIGTERM and SIGINT stop it gracefully: requests that run may end within `drain-timeout`. A second one stops it at once.
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
        let tls = try credentials(configuration, log)
        let server = server(configuration, tls, models, log)
        if tls != nil { reloads.add("certificates") { try server.reloadCertificates() } }
        let stop = StopSignal()
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

        let signal = await stop.wait()
        log.notice("stopping", metadata: ["signal": .stringConvertible(Int(signal))])
        models.set(.draining)
        await server.stop()
        loaded.engine.stop(drain: false)
        await withCheckedContinuation { continuation in
            loaded.engine.whenStopped { continuation.resume() }
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

    private static func server(
        _ configuration: ServiceConfiguration, _ tls: TLSCredentials?, _ models: ModelSlot, _ log: Logger
    ) -> HTTPServer {
        var router = Router()
        APIRoutes(models: models).add(to: &router)
        var address = HTTPServer.Configuration(
            listeners: configuration.listeners, limits: configuration.http)
        address.tls = tls
        guard configuration.logsAccess else { return HTTPServer(configuration: address, router: router) }
        return HTTPServer(configuration: address, router: router) { ServiceLog.access($0, log) }
    }

    private static func load(_ loader: ModelLoader) async throws -> LoadedModel {
        let progress = LoadProgress()
        defer { progress.end() }
        return try await loader.load { progress.report($0) }
    }
}
