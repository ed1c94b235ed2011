import CLinux
import Glibc

/// A listening socket in a loop: hands out connected sockets, and survives what accept(2) reports.
///
/// Confined to its loop once it is started.
final class Listener: EventHandler, TimerTarget {
    private static let backlog: Int32 = 1_024
    private static let acceptsPerTurnMax = 64
    /// Errors of a connection that died while it waited, passed on by accept(2): the next one may be fine.
    private static let transientErrors: Set<Int32> = [
        ECONNABORTED, EINTR, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
        ENETUNREACH,
        EPERM,
    ]

    let address: SocketAddress
    var timerSlot: Int?

    private let fd: Int32
    private let loop: EventLoop
    private let pauseNanoseconds: UInt64
    private let counters: HTTPCounters
    /// Asked before each accept(2), with whether a client is known to wait.
    private let mayAccept: (_ isWaitedFor: Bool) -> Bool
    private let accepted: (Int32) -> Void
    private var isArmed = false
    private var isPaused = false
    /// The server can take no more connections for now.
    private var isHeld = false
    private var isClosed = false

    /// Binds and listens; nothing is accepted before `start`.
    init(
        configuration: HTTPServer.Configuration, loop: EventLoop, counters: HTTPCounters,
        mayAccept: @escaping (_ isWaitedFor: Bool) -> Bool, accepted: @escaping (Int32) -> Void
    ) throws(ListenError) {
        self.loop = loop
        self.counters = counters
        self.mayAccept = mayAccept
        self.accepted = accepted
        pauseNanoseconds = configuration.limits.acceptPause.nanoseconds
        let wanted = try SocketAddress.resolve(host: configuration.host, port: configuration.port)
        fd = socket(wanted.family, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC | O_NONBLOCK, 0)
        guard fd >= 0 else {
            throw ListenError(address: configuration.name, reason: String(cString: strerror(errno)))
        }
        Self.set(fd, SOL_SOCKET, SO_REUSEADDR, 1)
        if wanted.family == AF_INET6 { Self.set(fd, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0) }
        guard wanted.bind(fd) == 0, listen(fd, Self.backlog) == 0, let address = SocketAddress.local(of: fd)
        else {
            let reason = String(cString: strerror(errno))
            Glibc.close(fd)
            throw ListenError(address: configuration.name, reason: reason)
        }
        self.address = address
    }

    func start() throws(SystemError) {
        try loop.add(fd, apus_epoll_in, self)
        isArmed = true
    }

    func hold(_ isHeld: Bool) {
        self.isHeld = isHeld
        arm()
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        loop.setTimer(self, nil)
        loop.remove(fd)
        Glibc.close(fd)
    }

    func ready(_ events: UInt32) {
        for turn in 0..<Self.acceptsPerTurnMax where isArmed && !isClosed {
            guard mayAccept(turn == 0) else { return }
            let socket = apus_accept(fd)
            if socket >= 0 {
                Self.set(socket, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
                accepted(socket)
                continue
            }
            if -socket == EAGAIN { return }
            if Self.transientErrors.contains(-socket) { continue }
            return pause()
        }
    }

    /// Out of descriptors or memory: accepting at once again would spin.
    private func pause() {
        counters.acceptFailures.count()
        isPaused = true
        arm()
        loop.setTimer(self, loop.now + pauseNanoseconds)
    }

    func deadlineReached(now: UInt64) {
        isPaused = false
        arm()
    }

    private func arm() {
        let isWanted = !isPaused && !isHeld
        guard !isClosed, isWanted != isArmed else { return }
        isArmed = isWanted
        loop.modify(fd, isWanted ? apus_epoll_in : 0)
    }

    private static func set(_ fd: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        _ = setsockopt(fd, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }
}
