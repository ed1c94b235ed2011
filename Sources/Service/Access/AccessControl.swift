import Glibc
import HTTP
import Logging

/// Makes the policy of the HTTP server out of the settings, and again when the keys have changed.
final class AccessControl: Sendable {
    /// Probes have no keys, and ask by address.
    static let publicPaths: Set<String> = ["/health", "/v1/health", "/healthz", "/livez", "/readyz", "/ping"]

    let gate: AccessGate
    private let settings: AccessSettings
    private let log: Logger

    /// - Parameter reach: Who can reach the server.
    /// - Throws: When the keys cannot be read, and when others would need none though nobody said so.
    init(_ settings: AccessSettings, _ reach: Reach, _ log: Logger) throws(ServiceError) {
        self.settings = settings
        self.log = log
        var policy = AccessPolicy()
        policy.keys = try Self.keys(settings, log)
        policy.hosts = settings.hosts ?? (reach == .loopback ? .loopback : .any)
        policy.origins = settings.origins
        policy.publicPaths = Self.publicPaths.union(settings.metricsArePublic ? ["/metrics"] : [])
        if case .others(let address) = reach, policy.keys == nil, !settings.allowsUnauthenticated {
            throw ServiceError(
                """
                others could use the server at \(address) without a key. Set api-keys-file or APUS_API_KEY ('apus key' \
                makes a key), or allow-unauthenticated: true if whoever reaches it may use it, or listen on 127.0.0.1
                """)
        }
        if policy.keys == nil, settings.origins.allowsAny {
            log.warning("no key is needed and cors-origins is *: any web page can use this server")
        }
        gate = AccessGate(policy)
    }

    /// Who can reach the server.
    enum Reach: Equatable {
        /// Programs of this machine, the browser with its foreign pages among them.
        case loopback
        /// Programs of this machine that may open a socket file; no page can make a browser do that.
        case sockets
        /// Others too, but each with a certificate that was made for that.
        case holdersOfCertificates
        case others(at: String)

        /// - Parameter demandsCertificates: Of clients that come to a listener with TLS.
        init(_ listeners: [ListenerConfiguration], demandsCertificates: Bool = false) {
            let beyond = listeners.filter { !$0.isLoopback }
            if let open = beyond.first(where: { !$0.usesTLS || !demandsCertificates }) {
                self = .others(at: open.name)
            } else if !beyond.isEmpty {
                self = .holdersOfCertificates
            } else {
                self = listeners.allSatisfy(\.isUnix) ? .sockets : .loopback
            }
        }
    }

    /// Reads the file of keys again. What was in force stays when that fails.
    ///
    /// - Returns: What is in force now, for the log.
    func reload() throws(ServiceError) -> String {
        let keys = try Self.keys(settings, log)
        var policy = gate.policy
        policy.keys = keys
        gate.policy = policy
        return keys.map { "\($0.count) keys" } ?? "no key is needed"
    }

    private static func keys(_ settings: AccessSettings, _ log: Logger) throws(ServiceError) -> KeyRing? {
        var keys = settings.key.map { [$0] } ?? []
        if let path = settings.keysFile {
            keys += try KeyFile.read(path)
            warnOfPermissions(path, log)
        }
        return keys.isEmpty ? nil : KeyRing(keys)
    }

    /// Keys that all users of the machine can read, or some can write, are no secret.
    private static func warnOfPermissions(_ path: String, _ log: Logger) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & 0o027 != 0 else { return }
        log.warning(
            "the file of API keys is open to other users; chmod 600 closes it",
            metadata: ["path": "\(path)", "mode": "0\(String(status.st_mode & 0o777, radix: 8))"])
    }
}
