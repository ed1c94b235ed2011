/// The server cannot listen where it was told to.
public struct ListenError: Error, Sendable, CustomStringConvertible {
    /// As configured, `host:port`.
    public let address: String
    public let reason: String

    public var description: String { "cannot listen on \(address): \(reason)" }
}
