import Glibc
import TLSSupport

/// A blocking TCP client that sends bytes as they are and knows just enough of HTTP to find a response's end.
///
/// One thread may send while another receives.
final class RawClient: @unchecked Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let fd: Int32
    /// What is sent and received goes through it.
    private let tls: TLSTestClient?
    private var received: [UInt8] = []

    /// - Parameter receiveBuffer: The kernel's, in bytes; small ones make a slow reader.
    init(port: UInt16, receiveBuffer: Int32? = nil, timeoutSeconds: Int = 10, tls: TLSTestClient? = nil)
        throws
    {
        self.tls = tls
        fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard fd >= 0 else { throw Failure(description: "no socket") }
        var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        if var size = receiveBuffer {
            setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure(description: "cannot connect: \(errno)") }
        if let tls { try shakeHands(tls) }
    }

    private func shakeHands(_ tls: TLSTestClient) throws {
        while tls.handshake() == .needsMore {
            try sendRaw(tls.takeOutput())
            let bytes = try receiveRaw(65_536)
            guard !bytes.isEmpty else { throw Failure(description: "the handshake was cut") }
            tls.receive(bytes)
        }
        try sendRaw(tls.takeOutput())
        guard tls.handshake() == .done else {
            throw Failure(description: "the handshake failed with alert \(tls.alert ?? 0)")
        }
    }

    /// Of a unix socket. - Parameter address: A path, or an abstract name behind an `@`.
    init(unix address: String, timeoutSeconds: Int = 10) throws {
        tls = nil
        fd = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard fd >= 0 else { throw Failure(description: "no socket") }
        var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        guard UnixAddress(address).apply(fd, Glibc.connect) == 0 else {
            throw Failure(description: "cannot connect: \(errno)")
        }
    }

    deinit { close(fd) }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        guard let tls else { return try sendRaw(bytes) }
        try tls.write(bytes)
        try sendRaw(tls.takeOutput())
    }

    /// Says close_notify, and nothing else.
    func sayGoodbye() throws {
        tls?.close()
        try sendRaw(tls?.takeOutput() ?? [])
    }

    private func sendRaw(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(description: "cannot send: \(errno)") }
            sent += count
        }
    }

    /// Closing sends a reset.
    func resetOnClose() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
    }

    /// No more input will come from here.
    func shutDownOutput() { shutdown(fd, Int32(SHUT_WR)) }

    /// Closing will be a reset: nobody here reads what may still come.
    func resetAtClose() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
    }

    /// What comes next, at least a byte; empty at the end.
    func receive(_ max: Int = 65_536) throws -> [UInt8] {
        if !received.isEmpty {
            defer { received = [] }
            return received
        }
        guard let tls else { return try receiveRaw(max) }
        while true {
            guard let plaintext = tls.read() else {
                throw Failure(description: "the session broke with alert \(tls.alert ?? 0)")
            }
            if !plaintext.isEmpty || tls.sawGoodbye { return plaintext }
            let bytes = try receiveRaw(max)
            guard !bytes.isEmpty else { throw Failure(description: "the end came without close_notify") }
            tls.receive(bytes)
        }
    }

    private func receiveRaw(_ max: Int) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: max)
        let count = recv(fd, &buffer, max, 0)
        guard count >= 0 else { throw Failure(description: "nothing received: \(errno)") }
        return Array(buffer[..<count])
    }

    /// Nothing more comes: the server closed its side, or reset the connection because it did not read all of ours.
    func meetsEnd() -> Bool {
        guard received.isEmpty else { return false }
        var byte: UInt8 = 0
        let count = recv(fd, &byte, 1, 0)
        return count == 0 || (count < 0 && errno == ECONNRESET)
    }

    func receiveToEnd() throws -> String {
        var all: [UInt8] = []
        while true {
            let bytes = try receive()
            if bytes.isEmpty { return String(decoding: all, as: UTF8.self) }
            all += bytes
        }
    }

    /// Reads up to and including `mark`.
    func receive(through mark: String) throws -> String {
        let mark = Array(mark.utf8)
        var all: [UInt8] = []
        while true {
            all += try receive(through: mark, alreadySeen: all.count)
            if let end = Self.end(of: mark, in: all) {
                received = Array(all[end...])
                return String(decoding: all[..<end], as: UTF8.self)
            }
        }
    }

    private func receive(through mark: [UInt8], alreadySeen: Int) throws -> [UInt8] {
        let bytes = try receive()
        guard !bytes.isEmpty else { throw Failure(description: "the end came after \(alreadySeen) bytes") }
        return bytes
    }

    private static func end(of mark: [UInt8], in bytes: [UInt8]) -> Int? {
        guard bytes.count >= mark.count else { return nil }
        return (0...(bytes.count - mark.count)).first { bytes[$0..<$0 + mark.count].elementsEqual(mark) }
            .map { $0 + mark.count }
    }

    /// One response with Content-Length, chunks, or neither.
    func response(hasBody: Bool = true) throws -> RawResponse {
        var response = try RawResponse(head: receive(through: "\r\n\r\n"))
        guard hasBody else { return response }
        if let length = response["content-length"].flatMap({ Int($0) }) {
            while response.body.utf8.count < length {
                var bytes = try receive()
                guard !bytes.isEmpty else { throw Failure(description: "the body is short") }
                let missing = length - response.body.utf8.count
                if bytes.count > missing {
                    received = Array(bytes[missing...])
                    bytes = Array(bytes[..<missing])
                }
                response.body += String(decoding: bytes, as: UTF8.self)
            }
        } else if response["transfer-encoding"] == "chunked" {
            while let size = Int(try receive(through: "\r\n").dropLast(), radix: 16), size > 0 {
                var data = ""
                while data.utf8.count < size + 2 { data += try receive(through: "\r\n") }
                response.body += String(decoding: Array(data.utf8)[..<size], as: UTF8.self)
            }
            _ = try receive(through: "\r\n")
        }
        return response
    }
}

extension String {
    /// How often `mark` occurs.
    func count(of mark: String) -> Int {
        let bytes = Array(utf8)
        let mark = Array(mark.utf8)
        var count = 0
        var index = 0
        bytes.withUnsafeBytes { all in
            while index + mark.count <= all.count {
                let isHere = all.baseAddress.map { memcmp($0 + index, mark, mark.count) } == 0
                count += isHere ? 1 : 0
                index += isHere ? mark.count : 1
            }
        }
        return count
    }
}

struct RawResponse {
    let status: Int
    let head: String
    private var fields: [String: String] = [:]
    var body = ""

    init(head: String) throws {
        self.head = head
        let lines = head.utf8.split(separator: 13).map { $0.filter { $0 != 10 } }.filter { !$0.isEmpty }
            .map { String(decoding: $0, as: UTF8.self) }
        guard let first = lines.first, first.hasPrefix("HTTP/1.1 "),
            let status = Int(first.dropFirst(9).prefix(3))
        else { throw RawClient.Failure(description: "no status line: \(head)") }
        self.status = status
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let name = String(line[..<colon]).lowercased()
            guard fields[name] == nil else { throw RawClient.Failure(description: "\(name) comes twice") }
            fields[name] = String(line[line.index(after: colon)...].drop { $0 == " " })
        }
    }

    subscript(name: String) -> String? { fields[name] }
}
