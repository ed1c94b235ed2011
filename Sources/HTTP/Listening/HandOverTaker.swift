import CLinux
import Glibc

/// The new process's side of a hand-over: what it got, until it serves.
final class HandOverTaker {
    /// Where the next process will ask.
    private let server: Int32
    private let connection: Int32
    private var isServerGiven = false
    /// By the names of their configurations; each is used once.
    private var sockets: [(name: String, descriptor: Int32)]

    /// Asks the process that listens at `path`. Blocks until it has answered.
    ///
    /// - Returns: nil when there is none.
    static func ask(_ path: String) throws(ListenError) -> HandOverTaker? {
        let connection: Int32
        do throws(SystemError) {
            connection = try HandOver.socket()
        } catch {
            throw ListenError(address: path, reason: error.description)
        }
        guard SocketAddress.unix(path: path).connect(connection) == 0 else {
            let code = errno
            close(connection)
            if code == ENOENT || code == ECONNREFUSED { return nil }
            throw failure(path, String(cString: strerror(code)))
        }
        var timeout = timeval(tv_sec: HandOver.answerTimeoutSeconds, tv_usec: 0)
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        do throws(ListenError) {
            return try HandOverTaker(connection, path)
        } catch {
            close(connection)
            throw error
        }
    }

    private init(_ connection: Int32, _ path: String) throws(ListenError) {
        guard HandOver.isTrusted(connection) else {
            throw Self.failure(path, "the process there is another user's")
        }
        var message = [UInt8](repeating: 0, count: HandOver.messageBytesMax)
        var descriptors = [Int32](repeating: -1, count: Int(apus_descriptors_max))
        var count: Int32 = 0
        let bytes = apus_receive_descriptors(connection, &message, message.count, &descriptors, &count)
        let received = descriptors.prefix(Int(max(0, count)))
        guard bytes > 0, let names = HandOver.names(message[..<Int(bytes)]), let server = received.first,
            names.count == received.count - 1
        else {
            for descriptor in received { close(descriptor) }
            throw Self.failure(path, "it did not hand its listening sockets over")
        }
        self.connection = connection
        self.server = server
        sockets = Array(zip(names, received.dropFirst()))
    }

    private static func failure(_ path: String, _ reason: String) -> ListenError {
        ListenError(address: path, reason: "cannot take over: \(reason)")
    }

    /// Puts the sockets in the places of the listeners that have the same addresses.
    func resolve(_ listeners: [ListenerConfiguration]) -> [ListenerConfiguration] {
        listeners.map { listener in
            guard let index = sockets.firstIndex(where: { $0.name == listener.name }) else { return listener }
            // What systemd passed to this process itself is the same socket.
            if case .inherited = listener.address { return listener }
            let socket = sockets.remove(at: index)
            var resolved = listener
            resolved.address = .inherited(
                descriptor: socket.descriptor, name: socket.name, ownsFile: true)
            return resolved
        }
    }

    /// The socket at which the next process will ask, for its new owner.
    func giveServer() -> Int32 {
        isServerGiven = true
        return server
    }

    /// We accept now: the other process may end. What we do not want of its sockets goes, and its files too.
    func confirm() {
        for socket in sockets {
            SocketAddress.local(of: socket.descriptor)?.path.flatMap(SocketFile.init)?.remove()
        }
        var ready = HandOver.ready
        _ = send(connection, &ready, 1, Int32(MSG_NOSIGNAL))
    }

    deinit {
        close(connection)
        if !isServerGiven { close(server) }
        for socket in sockets { close(socket.descriptor) }
    }
}
