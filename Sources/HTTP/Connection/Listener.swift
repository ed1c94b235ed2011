import CLinux
import Glibc

/// A listening socket in a loop: hands out connected sockets, and survives what accept(2) reports.
///
/// Confined to its loop once it is started.
final class Listener: EventHandler, TimerTarget {
    private static let acceptsPerTurnMax = 64
    /// Errors of a connection that died while it waited, passed on by accept(2): the next one may be fine.
    static let transientErrors: Set<Int32> = [
        ECONNABORTED, EINTR, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
        ENETUNREACH,
        EPERM,
    ]
    private static let tellingInterval = Duration.seconds(60)

    let description: ListenerDescription
    /// Who passed it on keeps it open, and its queue with it.
    let outlivesProcess: Bool
    /// Another server gave it to us; before we have confirmed that, its file is not ours.
    let isTakenOver: Bool
    /// As configured; the process that takes over finds the socket by it.
    let name: String
    /// It waits until the server can serve (`ListenerConfiguration.isShared`).
    let isShared: Bool
    var timerSlot: Int?

    private let socket: ListeningSocket
    var fd: Int32 { socket.descriptor }
    private let loop: EventLoop
    private let pauseNanoseconds: UInt64
    private let counters: HTTPCounters
    /// Asked before each accept(2), with whether a client is known to wait.
    private let mayAccept: (_ isWaitedFor: Bool) -> Bool
    private let accepted: (Int32, ListenerDescription) -> Void
    private let onAcceptFailure: (@Sendable (String) -> Void)?
    private var toldAt: UInt64?
    private var isArmed = false
    private var isPaused = false
    /// The server can take no more connections for now.
    private var isHeld = false
    private var isStarted = false
    private var isClosed = false

    /// Binds; nothing is accepted before `start`.
    init(
        _ configuration: ListenerConfiguration, limits: HTTPLimits, loop: EventLoop, counters: HTTPCounters,
        mayAccept: @escaping (_ isWaitedFor: Bool) -> Bool,
        accepted: @escaping (Int32, ListenerDescription) -> Void,
        onAcceptFailure: (@Sendable (String) -> Void)?
    ) throws(ListenError) {
        self.loop = loop
        self.counters = counters
        self.mayAccept = mayAccept
        self.accepted = accepted
        self.onAcceptFailure = onAcceptFailure
        pauseNanoseconds = limits.acceptPause.nanoseconds
        isShared = configuration.isShared
        name = configuration.name
        isTakenOver = configuration.isTakenOver
        outlivesProcess = configuration.outlivesProcess
        socket = try ListeningSocket(configuration)
        description = ListenerDescription(configuration, address: socket.address)
    }

    func start() throws(SystemError) {
        guard !isStarted else { return }
        if let error = socket.listen() { throw error }
        try loop.add(fd, apus_epoll_in, self)
        isStarted = true
        isArmed = true
        arm()
    }

    func hold(_ isHeld: Bool) {
        self.isHeld = isHeld
        arm()
    }

    /// Takes what has connected and waits: closing the socket would reset it.
    func takeWaiting() {
        while isStarted, !isHeld, !isClosed {
            let accepted = apus_accept(fd)
            if accepted >= 0 {
                take(accepted)
            } else if !Self.transientErrors.contains(-accepted) {
                return
            }
        }
    }

    /// - Parameter keepsFile: Another process has the socket too.
    func close(keepsFile: Bool = false) {
        guard !isClosed else { return }
        isClosed = true
        if isStarted {
            loop.setTimer(self, nil)
            loop.remove(fd)
        }
        Glibc.close(fd)
        if !keepsFile { socket.file?.remove() }
    }

    func ready(_ events: UInt32) {
        for turn in 0..<Self.acceptsPerTurnMax where isArmed && !isClosed {
            guard mayAccept(turn == 0) else { return }
            let accepted = apus_accept(fd)
            if accepted >= 0 {
                take(accepted)
                continue
            }
            if -accepted == EAGAIN { return }
            if Self.transientErrors.contains(-accepted) { continue }
            return pause(-accepted)
        }
    }

    private func take(_ socket: Int32) {
        if !description.isUnix { Self.setNoDelay(socket) }
        accepted(socket, description)
    }

    /// Out of descriptors or memory: accepting at once again would spin.
    private func pause(_ error: Int32) {
        counters.acceptFailures.count()
        if toldAt.map({ loop.now - $0 >= Self.tellingInterval.nanoseconds }) ?? true {
            toldAt = loop.now
            onAcceptFailure?(String(cString: strerror(error)))
        }
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
        guard !isClosed, isStarted, isWanted != isArmed else { return }
        isArmed = isWanted
        loop.modify(fd, isWanted ? apus_epoll_in : 0)
    }

    private static func setNoDelay(_ fd: Int32) {
        var value: Int32 = 1
        _ = setsockopt(fd, Int32(IPPROTO_TCP), TCP_NODELAY, &value, socklen_t(MemoryLayout<Int32>.size))
    }
}
