import Glibc

/// Asks one listener of this machine one thing, over a blocking connection: what a health check needs of a client.
///
/// It speaks as the listener wants: after a PROXY header that names nobody, or in TLS. The certificate is not verified,
/// because it is seldom for the address that is asked here, and nothing is said that others may not hear.
public struct ListenerProbe: Sendable {
    /// Why there is no answer.
    public struct Failure: Error, Sendable, CustomStringConvertible {
        public let description: String

        init(_ description: String) {
            self.description = description
        }
    }

    public struct Answer: Sendable, Equatable {
        public var status: Int
        public var body: String
    }

    /// More than any answer that is asked for; the rest is not read.
    private static let answerBytesMax = 65_536

    /// Where it listens, as configured.
    public let name: String
    private let listener: ListenerConfiguration
    private let host: String

    /// nil when the address says not where to connect: the system chooses the port, or somebody else opens the socket.
    public init?(_ listener: ListenerConfiguration) {
        switch listener.address {
        case .ip(let host, let port):
            guard port != 0 else { return nil }
            self.host = Self.reachable(host)
        case .unix, .abstract: host = "localhost"
        case .systemd, .inherited: return nil
        }
        self.listener = listener
        name = listener.name
    }

    /// Who listens everywhere is asked on the loopback.
    private static func reachable(_ host: String) -> String {
        switch host {
        case "0.0.0.0": "127.0.0.1"
        case "::": "::1"
        default: host
        }
    }

    /// Blocks.
    ///
    /// - Parameters:
    ///   - path: What is asked for, with visible ASCII characters only.
    ///   - timeoutSeconds: Of connecting, and of each wait for the answer.
    public func get(_ path: String, timeoutSeconds: Int) throws(Failure) -> Answer {
        let channel = try ProbeChannel(try address(), timeoutSeconds: timeoutSeconds)
        if listener.requiresProxy { try channel.send("PROXY UNKNOWN\r\n") }
        if listener.usesTLS { try channel.startTLS() }
        try channel.send("GET \(path) HTTP/1.0\r\nHost: \(host.contains(":") ? "[\(host)]" : host)\r\n\r\n")
        return try Self.read(channel)
    }

    private func address() throws(Failure) -> SocketAddress {
        do throws(ListenError) {
            return switch listener.address {
            case .unix(let path): .unix(path: path)
            case .abstract(let name): .unix(abstract: name)
            case .ip(_, let port): try .resolve(host: host, port: port)
            case .systemd, .inherited: preconditionFailure("init refuses them")
            }
        } catch {
            throw Failure(error.reason)
        }
    }

    /// To the end of the answer, or as far as it came in time.
    private static func read(_ channel: ProbeChannel) throws(Failure) -> Answer {
        var bytes: [UInt8] = []
        while bytes.count < answerBytesMax, let part = try channel.receive() { bytes += part }
        // `HTTP/1.1 200 OK`
        let status = bytes.prefix { $0 != UInt8(ascii: "\r") }.split(separator: UInt8(ascii: " "))
        guard status.count >= 2, let code = ASCII.decimal(status[1]) else {
            throw Failure("it gave no answer")
        }
        let body = bytes.firstRange(of: Array("\r\n\r\n".utf8)).map { bytes[$0.upperBound...] } ?? []
        return Answer(status: Int(code), body: String(decoding: body, as: UTF8.self))
    }
}
