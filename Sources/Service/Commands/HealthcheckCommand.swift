import Glibc
import HTTP

/// `apus healthcheck`: whether a server answers, for containers that hold nothing but this program.
public enum HealthcheckCommand {
    /// More than any answer that is asked for; the rest is not read.
    private static let answerBytesMax = 65_536

    /// Asks the server where these settings let it listen.
    ///
    /// - Parameters:
    ///   - path: What is asked for; 200 is health.
    ///   - timeoutSeconds: Of connecting, and of each wait for the answer.
    /// - Returns: What the server answered.
    /// - Throws: `ServiceError` when it is not healthy, or not there.
    public static func run(_ sources: SettingSources, path: String, timeoutSeconds: Int) async throws
        -> String
    {
        let configuration = try await sources.configuration()
        guard path.hasPrefix("/"), path.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw ServiceError("the path is '\(path)', but must be one such as /readyz")
        }
        let (host, port) = try address(configuration.listeners)
        return try await BlockingWork.run {
            try ask(reachable(host), port, path, timeoutSeconds: timeoutSeconds)
        }
    }

    /// The first listener at which plain HTTP is spoken with whoever comes.
    private static func address(_ listeners: [ListenerConfiguration]) throws(ServiceError) -> (String, UInt16)
    {
        for listener in listeners where !listener.requiresProxy && !listener.usesTLS {
            if case .ip(let host, let port) = listener.address { return (host, port) }
        }
        let names = listeners.map(\.name).joined(separator: ", ")
        throw ServiceError(
            "healthcheck asks at an address with a port, without ;proxy and ;tls; there is none in \(names)")
    }

    /// Who listens everywhere is asked on the loopback.
    private static func reachable(_ host: String) -> String {
        switch host {
        case "0.0.0.0": "127.0.0.1"
        case "::", "[::]": "::1"
        default: host
        }
    }

    private static func ask(_ host: String, _ port: UInt16, _ path: String, timeoutSeconds: Int) throws
        -> String
    {
        let socket = try connect(host, port, timeoutSeconds: timeoutSeconds)
        defer { close(socket) }
        let request = "GET \(path) HTTP/1.0\r\nHost: \(host.contains(":") ? "[\(host)]" : host)\r\n\r\n"
        LogOutput.writeAll(Array(request.utf8), to: socket)
        let answer = read(socket)
        // `HTTP/1.1 200 OK`
        let status = answer.utf8.prefix { $0 != UInt8(ascii: "\r") }.split(separator: UInt8(ascii: " "))
        guard status.count >= 2, let code = Int(Substring(status[1])) else {
            throw ServiceError("\(host):\(port) gave no answer")
        }
        let body = answer.text(after: "\r\n\r\n")
        guard code == 200 else { throw ServiceError("\(host):\(port)\(path) answers \(code): \(body)") }
        return body
    }

    private static func connect(_ host: String, _ port: UInt16, timeoutSeconds: Int) throws -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, String(port), &hints, &list)
        guard result == 0 else {
            throw ServiceError("cannot find \(host): \(String(cString: gai_strerror(result)))")
        }
        defer { freeaddrinfo(list) }
        var reason = "it has no address"
        var next = list
        while let entry = next?.pointee {
            let fd = socket(entry.ai_family, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
            var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
            let size = socklen_t(MemoryLayout<timeval>.size)
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, size)
            // It bounds connect(2) too (socket(7)).
            setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, size)
            if fd >= 0, Glibc.connect(fd, entry.ai_addr, entry.ai_addrlen) == 0 { return fd }
            reason = String(cString: strerror(errno))
            if fd >= 0 { close(fd) }
            next = entry.ai_next
        }
        throw ServiceError("cannot reach \(host):\(port): \(reason)")
    }

    /// To the end of the answer, or as far as it came in time.
    private static func read(_ socket: Int32) -> String {
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while answer.count < answerBytesMax {
            let count = recv(socket, &buffer, buffer.count, 0)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            answer += buffer[..<count]
        }
        return String(decoding: answer, as: UTF8.self)
    }
}

extension String {
    /// What follows the first `mark`.
    fileprivate func text(after mark: String) -> String {
        let bytes = Array(utf8)
        let mark = Array(mark.utf8)
        for index in bytes.indices where bytes[index...].starts(with: mark) {
            return String(decoding: bytes[(index + mark.count)...], as: UTF8.self)
        }
        return ""
    }
}
