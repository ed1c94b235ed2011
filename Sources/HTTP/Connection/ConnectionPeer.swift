import CLinux

/// Who is at the other end of a connection.
struct ConnectionPeer {
    /// For people.
    let name: String
    /// Nil for a unix socket.
    private let address: IPAddress?

    init(of fd: Int32, isUnix: Bool) {
        if isUnix {
            name = Self.credentials(of: fd)
            address = nil
        } else {
            let peer = SocketAddress.peer(of: fd)
            name = peer?.text ?? "unknown"
            address = peer?.ip
        }
    }

    /// Whom a PROXY header names.
    init(_ client: ProxyHeader.Client) {
        name = client.text
        address = client.address
    }

    /// Whose request it is that came here.
    func client(of fields: HTTPFields, trusted: TrustedProxies) -> String {
        if trusted.isEmpty { return name }
        return trusted.client(of: fields, peer: address)?.text ?? name
    }

    /// What the kernel noted when the client connected (SO_PEERCRED).
    private static func credentials(of fd: Int32) -> String {
        var pid: UInt32 = 0
        var uid: UInt32 = 0
        return apus_peer_credentials(fd, &pid, &uid) == 0 ? "unix pid=\(pid) uid=\(uid)" : "unix"
    }
}
