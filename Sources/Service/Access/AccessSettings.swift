import HTTP

/// Who may use the server, as the settings say it.
public struct AccessSettings: Sendable {
    /// The one key that needs no file; hashed as soon as it is read.
    public var key: APIKey?
    /// More keys, one a line; see `KeyFile`.
    public var keysFile: String?
    /// Others may reach the server and need no key.
    public var allowsUnauthenticated = false
    /// Hosts to answer for beside the loopback's names; nil: those alone where only this machine can reach the server,
    /// and any elsewhere.
    public var hosts: HostList?
    /// Web pages of other origins that may use it.
    public var origins = CrossOriginPolicy.none
    /// `/metrics` needs no key.
    public var metricsArePublic = false

    public init() {}
}
