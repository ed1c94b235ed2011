import CLinux
import Glibc

/// What systemd, or another service manager that speaks as it does, and this process have to tell each other: listening
/// sockets that it opened (sd_listen_fds(3)), and how we are (sd_notify(3)).
public struct ServiceManager: Sendable {
    /// A listening socket that was open before the process began.
    struct Socket: Equatable, Sendable {
        var descriptor: Int32
        /// Of the socket unit, or its FileDescriptorName.
        var name: String
    }

    /// SD_LISTEN_FDS_START.
    private static let firstDescriptor: Int32 = 3

    let sockets: [Socket]
    /// Where it hears us; nil when it does not want to.
    let notifyAddress: [UInt8]?
    /// It ends the process when it hears nothing for this long; nil when it never does.
    public let watchdogTimeout: Duration?

    public init(environment: [String: String], processID: Int32 = getpid()) {
        sockets = Self.sockets(environment, processID)
        notifyAddress = environment["NOTIFY_SOCKET"].flatMap(Self.address)
        watchdogTimeout = Self.watchdog(environment, processID)
    }

    // MARK: - Sockets

    private static func sockets(_ environment: [String: String], _ processID: Int32) -> [Socket] {
        guard number(environment["LISTEN_PID"]) == Int(processID),
            let count = number(environment["LISTEN_FDS"]),
            (1...ListenerConfiguration.countMax).contains(count)
        else { return [] }
        let names =
            environment["LISTEN_FDNAMES"]?.split(separator: ":", omittingEmptySubsequences: false) ?? []
        return (0..<count).map { index in
            // As sd_listen_fds_with_names(3): without names all are "unknown".
            let name = names.count == count ? String(names[index]) : "unknown"
            return Socket(descriptor: firstDescriptor + Int32(index), name: name)
        }
    }

    /// Puts the sockets that are there in the places of the listeners that ask for them, with these listeners' options.
    /// One that asks for what is not there stays as it is, and fails when the server starts.
    public func resolve(_ listeners: [ListenerConfiguration]) -> [ListenerConfiguration] {
        listeners.flatMap { listener -> [ListenerConfiguration] in
            guard case .systemd(let wanted) = listener.address else { return [listener] }
            let found = sockets.filter { wanted == nil || $0.name == wanted }
            if found.isEmpty { return [listener] }
            return found.map { socket in
                var resolved = listener
                resolved.address = .inherited(
                    descriptor: socket.descriptor, name: "systemd:\(socket.name)", ownsFile: false)
                return resolved
            }
        }
    }

    // MARK: - Notes

    /// Sends lines such as `READY=1`, one datagram; a manager that cannot take it now does not hear it.
    public func notify(_ lines: String...) {
        guard let notifyAddress else { return }
        let fd = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | O_CLOEXEC | O_NONBLOCK, 0)
        guard fd >= 0 else { return }
        defer { close(fd) }
        let message = Array(lines.joined(separator: "\n").utf8)
        guard SocketAddress.unix(notifyAddress).connect(fd) == 0 else { return }
        _ = send(fd, message, message.count, Int32(MSG_NOSIGNAL))
    }

    /// A path, or with an `@` an abstract name. What is no unix socket (`vsock:…`) we cannot speak to.
    private static func address(_ text: String) -> [UInt8]? {
        let bytes = Array(text.utf8)
        guard (2...ListenerConfiguration.unixPathBytesMax).contains(bytes.count) else { return nil }
        switch bytes.first {
        case UInt8(ascii: "/"): return bytes
        case UInt8(ascii: "@"): return [0] + bytes.dropFirst()
        default: return nil
        }
    }

    private static func watchdog(_ environment: [String: String], _ processID: Int32) -> Duration? {
        if let owner = environment["WATCHDOG_PID"], number(owner) != Int(processID) { return nil }
        guard let microseconds = number(environment["WATCHDOG_USEC"]), microseconds > 0 else { return nil }
        return .microseconds(microseconds)
    }

    private static func number(_ text: String?) -> Int? { text.flatMap { ASCII.decimal($0.utf8) } }
}
