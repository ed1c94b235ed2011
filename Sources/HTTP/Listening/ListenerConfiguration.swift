import Glibc

/// Where and how one listener listens.
///
/// As text, which settings take: an address, then options behind semicolons.
///
///     127.0.0.1:8080            IPv4
///     [::]:8080;reuseport       IPv6, and IPv4 through it
///     localhost:0               a name; port 0 lets the system choose
///     unix:/run/apus.sock;mode=0660
///     unix:@apus                a name of Linux's own, without a file
///     systemd, systemd:http     the sockets that systemd opened, all of them or those of that name
public struct ListenerConfiguration: Sendable, Equatable {
    public enum Address: Sendable, Equatable {
        /// A numeric address or a name; port 0 lets the system choose.
        case ip(host: String, port: UInt16)
        /// The path of a socket file.
        case unix(path: String)
        /// A name in the abstract namespace (unix(7)), which is gone when nobody has the socket open.
        case abstract(name: String)
        /// What a service manager opened (sd_listen_fds(3)): all of it, or what it calls by that name.
        /// Stands for `inherited` ones, which take its place before a server listens.
        case systemd(name: String?)
        /// A socket at which somebody listened before; the listener owns it, and where `ownsFile`, its file too.
        case inherited(descriptor: Int32, name: String, ownsFile: Bool)
    }

    public var address: Address
    /// Every connection begins with a PROXY header that names the client; others are closed.
    public var requiresProxy = false
    /// Connections are encrypted.
    public var usesTLS = false
    /// Other processes may listen at the same address, and the kernel shares the connections out (SO_REUSEPORT).
    public var reusesPort = false
    /// Permissions of the socket file; nil leaves what the umask makes of 0777.
    public var mode: UInt16?

    public init(_ address: Address) {
        self.address = address
    }

    /// Nobody but this machine's own processes can connect. Of names only `localhost` counts: what others resolve
    /// to may change.
    public var isLoopback: Bool {
        switch address {
        case .ip(let host, _):
            if host == "localhost" { return true }
            return IPAddress(host)?.isLoopback ?? false
        case .unix, .abstract: return true
        case .systemd: return false
        case .inherited(let descriptor, _, _):
            guard let address = SocketAddress.local(of: descriptor) else { return false }
            return address.isUnix || address.ip?.isLoopback ?? false
        }
    }

    /// A unix socket.
    public var isUnix: Bool {
        switch address {
        case .ip, .systemd: false
        case .unix, .abstract: true
        case .inherited(let descriptor, _, _): SocketAddress.local(of: descriptor)?.isUnix ?? false
        }
    }

    /// Others have the socket too, or its address: whoever accepts from it before it can serve takes connections
    /// away from one that can.
    var isShared: Bool {
        switch address {
        case .ip: reusesPort
        case .unix, .abstract: false
        case .systemd, .inherited: true
        }
    }

    /// Who passed the socket on keeps it open.
    var outlivesProcess: Bool {
        if case .inherited(descriptor: _, name: _, ownsFile: false) = address { true } else { false }
    }

    var isTakenOver: Bool {
        if case .inherited(descriptor: _, name: _, ownsFile: true) = address { true } else { false }
    }

    /// The address as it was written.
    public var name: String {
        switch address {
        case .ip(let host, let port):
            host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        case .abstract(let name): "unix:@\(name)"
        case .systemd(nil): "systemd"
        case .systemd(let name?): "systemd:\(name)"
        case .inherited(_, let name, _): name
        }
    }
}

extension [ListenerConfiguration] {
    /// Another machine could connect to one of them.
    public var listenBeyondLoopback: Bool { contains { !$0.isLoopback } }
}
