/// What a connection knows of the listener that it came through.
public final class ListenerDescription: Sendable {
    /// Where it listens, with the port that the system chose: `127.0.0.1:8080`, `unix:/run/apus.sock`.
    public let name: String
    public let requiresProxy: Bool
    public let usesTLS: Bool
    public let isUnix: Bool
    /// Nobody but this machine's own processes can connect; so of every unix socket too.
    public let isLoopback: Bool
    /// Of an IPv4 or IPv6 listener.
    public let port: UInt16?

    init(_ configuration: ListenerConfiguration, address: SocketAddress) {
        name = address.text
        requiresProxy = configuration.requiresProxy
        usesTLS = configuration.usesTLS
        isUnix = address.isUnix
        isLoopback = address.isUnix || address.ip?.isLoopback ?? false
        port = address.isUnix ? nil : address.port
    }

    /// For people: `http://127.0.0.1:8080`, `unix:/run/apus.sock`.
    public var url: String {
        isUnix ? name : "\(usesTLS ? "https" : "http")://\(name)"
    }
}
