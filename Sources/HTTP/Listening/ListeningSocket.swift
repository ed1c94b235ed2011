import Glibc

/// Makes the socket that a listener configuration asks for.
struct ListeningSocket {
    let descriptor: Int32
    let address: SocketAddress
    /// The socket file that this process made; nil when there is none.
    let file: SocketFile?
    private let isListening: Bool

    /// The kernel takes at most net.core.somaxconn of them.
    static let backlog: Int32 = 1_024

    /// Binds, or takes over what is bound. A socket of another process listens already, one of our own does not
    /// before `listen`.
    init(_ configuration: ListenerConfiguration) throws(ListenError) {
        switch configuration.address {
        case .ip(let host, let port):
            self = try Self.bindIP(try SocketAddress.resolve(host: host, port: port), configuration)
        case .unix(let path):
            self = try Self.bindFile(path, configuration)
        case .abstract(let name):
            self = try Self.bind(SocketAddress.unix(abstract: name), configuration)
        case .systemd:
            throw ListenError(
                address: configuration.name, reason: "the service manager passed no such listening socket")
        case .inherited(let descriptor, _, let ownsFile):
            self = try Self.adopt(descriptor, configuration, ownsFile: ownsFile)
        }
    }

    private init(
        _ descriptor: Int32, _ address: SocketAddress, file: SocketFile? = nil, isListening: Bool = false
    ) {
        self.isListening = isListening
        self.descriptor = descriptor
        self.address = address
        self.file = file
    }

    /// What listens already keeps the queue that it has.
    func listen() -> SystemError? {
        if isListening { return nil }
        return Glibc.listen(descriptor, Self.backlog) == 0 ? nil : SystemError(call: "listen", code: errno)
    }

    // MARK: - IPv4 and IPv6

    private static func bindIP(_ wanted: SocketAddress, _ configuration: ListenerConfiguration)
        throws(ListenError) -> ListeningSocket
    {
        try bind(wanted, configuration) { fd in
            set(fd, SOL_SOCKET, SO_REUSEADDR, 1)
            // Whatever net.ipv6.bindv6only says: `::` is every address of the machine.
            if wanted.family == AF_INET6 { set(fd, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0) }
            if configuration.reusesPort { set(fd, SOL_SOCKET, SO_REUSEPORT, 1) }
        }
    }

    private static func bind(
        _ wanted: SocketAddress, _ configuration: ListenerConfiguration, prepare: (Int32) -> Void = { _ in }
    ) throws(ListenError) -> ListeningSocket {
        let fd = socket(wanted.family, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC | O_NONBLOCK, 0)
        guard fd >= 0 else { throw ListenError(configuration, errno) }
        prepare(fd)
        guard wanted.bind(fd) == 0, let address = SocketAddress.local(of: fd) else {
            let code = errno
            close(fd)
            throw ListenError(configuration, code)
        }
        return ListeningSocket(fd, address)
    }

    // MARK: - Socket files

    /// A file that a dead process left is removed; whose server lives, or what is no socket, stays.
    private static func bindFile(_ path: String, _ configuration: ListenerConfiguration)
        throws(ListenError) -> ListeningSocket
    {
        let wanted = SocketAddress.unix(path: path)
        let mode = configuration.mode.map { mode_t($0) }
        // The file is made with the socket's own mode, less the umask: never, not even for a moment, with more.
        let restrict: (Int32) -> Void = { fd in
            if let mode { fchmod(fd, mode) }
        }
        let made: ListeningSocket
        do throws(ListenError) {
            made = try bind(wanted, configuration, prepare: restrict)
        } catch {
            guard error.code == EADDRINUSE, SocketFile.removeStale(path) else { throw error }
            made = try bind(wanted, configuration, prepare: restrict)
        }
        // What the umask took from the mode that was asked for.
        if let mode { chmod(path, mode) }
        return ListeningSocket(made.descriptor, made.address, file: SocketFile(path))
    }

    // MARK: - Sockets of others

    private static func adopt(_ fd: Int32, _ configuration: ListenerConfiguration, ownsFile: Bool)
        throws(ListenError) -> ListeningSocket
    {
        guard let address = SocketAddress.local(of: fd), address.isUnix || address.ip != nil,
            option(fd, SO_TYPE) == Int32(SOCK_STREAM.rawValue), option(fd, SO_ACCEPTCONN) == 1,
            fcntl(fd, F_SETFD, FD_CLOEXEC) == 0, fcntl(fd, F_SETFL, O_NONBLOCK) == 0
        else {
            throw ListenError(
                address: configuration.name, reason: "descriptor \(fd) is no stream socket that listens")
        }
        let file = ownsFile ? address.path.flatMap(SocketFile.init) : nil
        return ListeningSocket(fd, address, file: file, isListening: true)
    }

    private static func option(_ fd: Int32, _ option: Int32) -> Int32? {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : nil
    }

    private static func set(_ fd: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        _ = setsockopt(fd, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }
}
