import COpenSSL
import Glibc

/// A blocking connection to a listener, encrypted from `startTLS` on.
final class ProbeChannel {
    private let fd: Int32
    private let timeoutSeconds: Int
    private var ssl: OpaquePointer?

    init(_ address: SocketAddress, timeoutSeconds: Int) throws(ListenerProbe.Failure) {
        // To write to a server that has gone is an error like any other.
        signal(SIGPIPE, SIG_IGN)
        self.timeoutSeconds = timeoutSeconds
        fd = socket(address.family, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard fd >= 0 else { throw ListenerProbe.Failure(String(cString: strerror(errno))) }
        var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, size)
        // It bounds connect(2) too (socket(7)).
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, size)
        guard address.connect(fd) == 0 else { throw lastFailure() }
    }

    deinit {
        if let ssl { SSL_free(ssl) }
        if fd >= 0 { close(fd) }
    }

    func startTLS() throws(ListenerProbe.Failure) {
        ERR_clear_error()
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw brokenTLS() }
        // The session keeps it.
        defer { SSL_CTX_free(context) }
        guard apus_ssl_ctx_set_min_version(context, TLS1_2_VERSION) == 1, let ssl = SSL_new(context) else {
            throw brokenTLS()
        }
        self.ssl = ssl
        guard SSL_set_fd(ssl, fd) == 1, SSL_connect(ssl) == 1 else { throw brokenTLS() }
    }

    func send(_ text: String) throws(ListenerProbe.Failure) {
        let bytes = Array(text.utf8)
        guard let ssl else {
            // What is sent here fits in any socket's buffer.
            guard Glibc.send(fd, bytes, bytes.count, 0) == bytes.count else { throw lastFailure() }
            return
        }
        var count = 0
        ERR_clear_error()
        guard SSL_write_ex(ssl, bytes, bytes.count, &count) == 1 else { throw brokenTLS() }
    }

    /// nil at the end.
    func receive() throws(ListenerProbe.Failure) -> ArraySlice<UInt8>? {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        guard let ssl else {
            let count = recv(fd, &buffer, buffer.count, 0)
            guard count >= 0 else { throw lastFailure() }
            return count > 0 ? buffer[..<count] : nil
        }
        var count = 0
        ERR_clear_error()
        let result = SSL_read_ex(ssl, &buffer, buffer.count, &count)
        if result == 1 { return buffer[..<count] }
        if SSL_get_error(ssl, result) == SSL_ERROR_ZERO_RETURN { return nil }
        throw brokenTLS()
    }

    private func brokenTLS() -> ListenerProbe.Failure {
        // OpenSSL has no reason of its own when the socket has one.
        if ERR_peek_last_error() == 0 { return lastFailure() }
        return ListenerProbe.Failure(TLSError(openSSL: "TLS").description)
    }

    private func lastFailure() -> ListenerProbe.Failure {
        switch errno {
        // What a blocking socket says when its time is over.
        case EAGAIN, EINPROGRESS: ListenerProbe.Failure("no answer within \(timeoutSeconds) seconds")
        case let code: ListenerProbe.Failure(String(cString: strerror(code)))
        }
    }
}
