/// Loading for commands that generate without a server.
enum LocalModel {
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
}
