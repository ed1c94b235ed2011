import HTTP

/// `apus healthcheck`: whether a server answers, for containers that hold nothing but this program.
public enum HealthcheckCommand {
    /// Asks the server where these settings let it listen.
    ///
    /// - Parameters:
    ///   - path: What is asked for; 200 is health.
    ///   - timeoutSeconds: Of connecting, and of each wait for the answer.
    /// - Returns: What the server answered.
    /// - Throws: `ServiceError` when it is not healthy, or not there.
    public static func run(_ sources: SettingSources, path: String, timeoutSeconds: Int) async throws
        -> String
    {
        let configuration = try await sources.configuration()
        guard path.hasPrefix("/"), path.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw ServiceError("the path is '\(path)', but must be one such as /readyz")
        }
        let probe = try probe(configuration)
        return try await BlockingWork.run { try ask(probe, path, timeoutSeconds: timeoutSeconds) }
    }

    /// Of the first listener that can be asked, and if possible without a certificate.
    static func probe(_ configuration: ServiceConfiguration) throws(ServiceError) -> ListenerProbe {
        let demandsCertificates = configuration.tls.clientAuthentication == .required
        let listeners = configuration.listeners
        let open = listeners.filter { !($0.usesTLS && demandsCertificates) }
        for listener in open {
            if let probe = ListenerProbe(listener) { return probe }
        }
        throw ServiceError(
            open.isEmpty
                ? "every listener demands a client's certificate; let the server listen at a unix socket too"
                : "where to ask does not follow from '\(listeners.map(\.name).joined(separator: ", "))'; say it with --listen"
        )
    }

    private static func ask(_ probe: ListenerProbe, _ path: String, timeoutSeconds: Int) throws(ServiceError)
        -> String
    {
        let answer: ListenerProbe.Answer
        do throws(ListenerProbe.Failure) {
            answer = try probe.get(path, timeoutSeconds: timeoutSeconds)
        } catch {
            throw ServiceError("cannot ask \(probe.name): \(error)")
        }
        guard answer.status == 200 else {
            throw ServiceError("\(probe.name) answers \(path) with \(answer.status): \(answer.body)")
        }
        return answer.body
    }
}
