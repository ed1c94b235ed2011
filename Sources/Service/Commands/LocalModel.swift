import Models

/// Loading for commands that run without a server.
enum LocalModel {
    /// A model on its engine, as the server would run it.
    static func load(_ sources: SettingSources) async throws -> LoadedModel {
        var configuration = try await sources.configuration()
        // One answer at a time; the log is for trouble.
        configuration.logLevel = max(configuration.logLevel, .warning)
        let path = try ModelLocation.resolve(configuration.model, environment: sources.environment)
        let log = ServiceLog.make(configuration)
        let progress = LoadProgress()
        defer { progress.end() }
        return try await ModelLoader(path: path, configuration: configuration, log: log).load {
            progress.report($0)
        }
    }

    /// A model alone, for the calling thread.
    static func load(_ path: String, _ options: ModelOptions) throws(ServiceError) -> TransformerModel {
        let file = try ModelLoader.open(path)
        let progress = LoadProgress()
        defer { progress.end() }
        do throws(ModelError) {
            let model = try TransformerModel.load(file: file, options: options) { progress.report($0) }
            model.adoptThread()
            return model
        } catch {
            throw ServiceError("cannot load \(path): \(error)")
        }
    }
}
