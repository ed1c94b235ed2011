import Glibc

/// The server cannot listen where it was told to.
public struct ListenError: Error, Sendable, CustomStringConvertible {
    /// As configured, `host:port`.
    public let address: String
    public let reason: String
    /// errno; 0 when it was no system call that failed.
    let code: Int32

    init(address: String, reason: String) {
        self.address = address
        self.reason = reason
        code = 0
    }

    init(_ configuration: ListenerConfiguration, _ code: Int32) {
        address = configuration.name
        reason = String(cString: strerror(code))
        self.code = code
    }

    public var description: String { "cannot listen on \(address): \(reason)" }
}
