import Glibc
import JSON
import Testing

/// One request on a connection of its own, to a server on the loopback.
struct HTTPClient: Sendable {
    struct Reply: Sendable {
        var status: Int
        /// Header lines, names in lower case.
        var headers: [String: String]
        /// Without chunk framing.
        var body: String

        var json: JSONValue { (try? JSONValue.parse(body)) ?? .null }

        /// The data of each server-sent event.
        var events: [String] {
            body.split(separator: "\n\n").map { String($0.hasPrefix("data: ") ? $0.dropFirst(6) : $0) }
        }
    }

    let port: UInt16

    func get(_ path: String) async throws -> Reply {
        try await send("GET \(path) HTTP/1.1\r\nHost: test\r\n", body: "")
    }

    func delete(_ path: String) async throws -> Reply {
        try await send("DELETE \(path) HTTP/1.1\r\nHost: test\r\n", body: "")
    }

    /// - Parameter id: `x-request-id`.
    func post(_ path: String, _ body: String, type: String = "application/json", id: String? = nil)
        async throws
        -> Reply
    {
        let head =
            "POST \(path) HTTP/1.1\r\nHost: test\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n"
        return try await send(head + (id.map { "x-request-id: \($0)\r\n" } ?? ""), body: body)
    }

    private func send(_ head: String, body: String) async throws -> Reply {
        let text = head + "Connection: close\r\n\r\n" + body
        let port = port
        let bytes: [UInt8] = await withCheckedContinuation { continuation in
            Self.onThread { continuation.resume(returning: Self.exchange(Array(text.utf8), port)) }
        }
        return try Self.parse(String(decoding: bytes, as: UTF8.self))
    }

    /// It blocks: on a thread of its own, for tests run side by side on few.
    private static func onThread(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let box = Unmanaged.passRetained(Box(body)).toOpaque()
        pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, box)
        pthread_detach(thread)
    }

    private final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Everything that the server says until it closes.
    private static func exchange(_ request: [UInt8], _ port: UInt16) -> [UInt8] {
        let descriptor = open(port)
        defer { close(descriptor) }
        _ = request.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        return receiveAll(blocking: descriptor)
    }

    /// What comes on a connection until it ends.
    static func receiveAll(_ descriptor: Int32) async -> String {
        await withCheckedContinuation { continuation in
            onThread {
                let bytes = receiveAll(blocking: descriptor)
                continuation.resume(returning: String(decoding: bytes, as: UTF8.self))
            }
        }
    }

    private static func receiveAll(blocking descriptor: Int32) -> [UInt8] {
        var reply: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return reply }
            reply += buffer[..<count]
        }
    }

    /// A connected socket; the caller closes it.
    ///
    /// - Parameter receiveBuffer: The kernel's, in bytes; small ones make a slow reader.
    static func open(_ port: UInt16, receiveBuffer: Int32? = nil) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        #expect(result == 0)
        return descriptor
    }

    private static func parse(_ text: String) throws -> Reply {
        let end = try #require(text.range(of: "\r\n\r\n"), "no head in \(text)")
        let lines = text[..<end.lowerBound].split(separator: "\r\n")
        let status = try #require(lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) })
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
        }
        var body = String(text[end.upperBound...])
        if headers["transfer-encoding"] == "chunked" { body = try unchunk(body) }
        return Reply(status: status, headers: headers, body: body)
    }

    private static func unchunk(_ text: String) throws -> String {
        var rest = Array(text.utf8)[...]
        var body: [UInt8] = []
        while let lineEnd = rest.firstIndex(of: UInt8(ascii: "\r")) {
            let size = try #require(Int(String(decoding: rest[..<lineEnd], as: UTF8.self), radix: 16))
            if size == 0 { return String(decoding: body, as: UTF8.self) }
            let start = lineEnd + 2
            try #require(rest.endIndex >= start + size + 2)
            body += rest[start..<start + size]
            rest = rest[(start + size + 2)...]
        }
        throw Truncated()
    }

    struct Truncated: Error {}
}

extension StringProtocol {
    fileprivate func range(of pattern: String) -> Range<Index>? { firstRange(of: pattern) }
}
