import CLinux
import Glibc

/// The old process's side of hand-overs: a socket at which the next process asks for the listening sockets.
///
/// One at a time; who comes meanwhile waits, and is served by whichever process has the socket then. Confined to its
/// loop once it is started.
final class HandOverServer: EventHandler {
    /// A process that has the sockets and does not serve yet.
    private final class Successor: EventHandler {
        let fd: Int32
        private let heard: (Bool) -> Void

        init(_ fd: Int32, heard: @escaping (_ isReady: Bool) -> Void) {
            self.fd = fd
            self.heard = heard
        }

        func ready(_ events: UInt32) {
            var byte: UInt8 = 0
            let count = recv(fd, &byte, 1, Int32(MSG_DONTWAIT))
            if count < 0, errno == EAGAIN || errno == EINTR { return }
            heard(count == 1 && byte == HandOver.ready)
        }
    }

    /// `idle`: nobody asked. `given`: a process has the sockets and loads, until it serves (`handedOver`) or is gone
    /// (`idle`). `closed` ends all.
    private enum State {
        case idle
        case given(Successor)
        case handedOver
        case closed
    }

    private let fd: Int32
    private let file: SocketFile?
    private let loop: EventLoop
    /// What is handed over.
    private let sockets: () -> [(name: String, descriptor: Int32)]
    private let handedOver: () -> Void
    private var state = State.idle
    private var isStarted = false

    /// Another process has the sockets, or may have them soon: their files are no more ours alone to remove.
    var isUnderWay: Bool {
        switch state {
        case .given, .handedOver: true
        case .idle, .closed: false
        }
    }

    /// Listens at `path`, where nobody does.
    ///
    /// - Parameters:
    ///   - inherited: The socket, when a process that handed over had it open.
    ///   - handedOver: Called on the loop, once: the successor serves.
    init(
        _ path: String, inherited: Int32?, loop: EventLoop,
        sockets: @escaping () -> [(name: String, descriptor: Int32)], handedOver: @escaping () -> Void
    ) throws(ListenError) {
        self.loop = loop
        self.sockets = sockets
        self.handedOver = handedOver
        if let inherited { fd = inherited } else { fd = try Self.bind(path) }
        file = SocketFile(path)
    }

    /// For this user alone, whatever the umask says; stale files are removed.
    private static func bind(_ path: String) throws(ListenError) -> Int32 {
        let fd: Int32
        do throws(SystemError) {
            fd = try HandOver.socket()
        } catch {
            throw ListenError(address: path, reason: error.description)
        }
        fchmod(fd, 0o600)
        _ = fcntl(fd, F_SETFL, O_NONBLOCK)
        let address = SocketAddress.unix(path: path)
        var isBound = address.bind(fd) == 0
        if !isBound, errno == EADDRINUSE, SocketFile.removeStale(path, type: SOCK_SEQPACKET) {
            isBound = address.bind(fd) == 0
        }
        guard isBound, listen(fd, 8) == 0 else {
            let reason = String(cString: strerror(errno))
            Glibc.close(fd)
            throw ListenError(address: path, reason: reason)
        }
        return fd
    }

    func start() throws(SystemError) {
        try loop.add(fd, apus_epoll_in, self)
        isStarted = true
    }

    func ready(_ events: UInt32) {
        guard case .idle = state else { return }
        let peer = apus_accept(fd)
        guard peer >= 0 else { return }
        guard HandOver.isTrusted(peer), give(peer) else {
            Glibc.close(peer)
            return
        }
        let successor = Successor(peer) { [weak self] isReady in self?.successorEnded(isReady) }
        do throws(SystemError) {
            try loop.add(peer, apus_epoll_in, successor)
        } catch {
            Glibc.close(peer)
            return
        }
        state = .given(successor)
        loop.modify(fd, 0)
    }

    private func give(_ peer: Int32) -> Bool {
        let given = sockets()
        let message = HandOver.message(given.map(\.name))
        let descriptors = [fd] + given.map(\.descriptor)
        return message.count <= HandOver.messageBytesMax
            && apus_send_descriptors(peer, message, message.count, descriptors, Int32(descriptors.count))
                == message.count
    }

    private func successorEnded(_ isReady: Bool) {
        guard case .given(let successor) = state else { return }
        loop.remove(successor.fd)
        Glibc.close(successor.fd)
        if isReady {
            state = .handedOver
            handedOver()
        } else {
            state = .idle
            loop.modify(fd, apus_epoll_in)
        }
    }

    func close() {
        switch state {
        case .closed: return
        case .idle: file?.remove()
        case .given(let successor):
            loop.remove(successor.fd)
            Glibc.close(successor.fd)
        case .handedOver: break
        }
        state = .closed
        if isStarted { loop.remove(fd) }
        Glibc.close(fd)
    }
}
