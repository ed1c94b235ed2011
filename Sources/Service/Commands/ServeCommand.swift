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

        let connections = configuration.http.connectionsMax + configuration.http.connectionsReserve
        let room = DescriptorLimit.makeRoom(forConnections: connections)
        if room < connections {
            log.warning(
                "fewer file descriptors than connections (ulimit -n)",
                metadata: ["room": .stringConvertible(room), "connections": .stringConvertible(connections)])
        }
        let models = ModelSlot()
        let server = server(configuration, models, log)
        let stop = StopSignal()
        try server.start()
        let url = "http://\(server.address ?? configuration.host)"
        log.debug("listening, loading \(path)")
        let loaded: LoadedModel
        do {
            loaded = try await load(ModelLoader(path: path, configuration: configuration, log: log))
        } catch {
            await server.stop(graceful: false)
            throw error
        }
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
        models.set(.draining)
        await server.stop()
        loaded.engine.stop(drain: false)
        await withCheckedContinuation { continuation in
            loaded.engine.whenStopped { continuation.resume() }
        }
        log.notice("stopped")
    }

    private static func server(_ configuration: ServiceConfiguration, _ models: ModelSlot, _ log: Logger)
        -> HTTPServer
    {
        var router = Router()
        APIRoutes(models: models).add(to: &router)
        var address = HTTPServer.Configuration(
            host: configuration.host, port: configuration.port, limits: configuration.http)
        address.onAcceptFailure = { log.error("cannot accept connections", metadata: ["reason": "\($0)"]) }
        guard configuration.logsAccess else { return HTTPServer(configuration: address, router: router) }
        return HTTPServer(configuration: address, router: router) { ServiceLog.access($0, log) }
    }

    private static func load(_ loader: ModelLoader) async throws -> LoadedModel {
        let progress = LoadProgress()
        defer { progress.end() }
        return try await loader.load { progress.report($0) }
    }
}
