import Glibc

/// An IPv4 or IPv6 address with a port.
struct SocketAddress {
    private var storage = sockaddr_storage()
    private var length: socklen_t

    private init(length: socklen_t) {
        self.length = length
    }

    /// The address that a host name or number stands for; of several the first IPv4 one, so that `localhost` is where
    /// clients look for it first.
    static func resolve(host: String, port: UInt16) throws(ListenError) -> SocketAddress {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var results: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &results)
        guard code == 0, let first = results?.pointee else {
            throw ListenError(address: "\(host):\(port)", reason: String(cString: gai_strerror(code)))
        }
        defer { freeaddrinfo(results) }
        let chain = sequence(first: first) { $0.ai_next?.pointee }
        let chosen = chain.first { $0.ai_family == AF_INET } ?? first
        var found = SocketAddress(length: chosen.ai_addrlen)
        withUnsafeMutableBytes(of: &found.storage) { storage in
            storage.copyMemory(
                from: UnsafeRawBufferPointer(start: chosen.ai_addr, count: Int(chosen.ai_addrlen)))
        }
        return found
    }

    /// Where a socket is bound.
    static func local(of fd: Int32) -> SocketAddress? { ask(fd, getsockname) }

    /// The other end of a socket.
    static func peer(of fd: Int32) -> SocketAddress? { ask(fd, getpeername) }

    private static func ask(
        _ fd: Int32, _ call: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> SocketAddress? {
        var address = SocketAddress(length: socklen_t(MemoryLayout<sockaddr_storage>.size))
        var length = address.length
        let result = withUnsafeMutableBytes(of: &address.storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self) { pointer in
                pointer.baseAddress.map { call(fd, $0, &length) } ?? -1
            }
        }
        address.length = length
        return result == 0 ? address : nil
    }

    var family: Int32 { Int32(storage.ss_family) }

    func bind(_ fd: Int32) -> Int32 {
        withUnsafeBytes(of: storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self) { Glibc.bind(fd, $0.baseAddress, length) }
        }
    }

    var port: UInt16 {
        withUnsafeBytes(of: storage) { storage in
            family == AF_INET6
                ? UInt16(bigEndian: storage.load(as: sockaddr_in6.self).sin6_port)
                : UInt16(bigEndian: storage.load(as: sockaddr_in.self).sin_port)
        }
    }

    /// `192.0.2.1:80`, `[2001:db8::1]:80`; an IPv4 address that came in through an IPv6 socket reads as IPv4.
    var text: String {
        withUnsafeBytes(of: storage) { storage in
            guard family == AF_INET6 else {
                let offset = MemoryLayout<sockaddr_in>.offset(of: \.sin_addr)
                return "\(Self.number(AF_INET, storage, offset)):\(port)"
            }
            let offset = MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr)
            let host = Self.number(AF_INET6, storage, offset)
            let mapped = "::ffff:"
            let isMapped = host.hasPrefix(mapped) && host.utf8.contains(UInt8(ascii: "."))
            return isMapped ? "\(host.dropFirst(mapped.count)):\(port)" : "[\(host)]:\(port)"
        }
    }

    private static func number(_ family: Int32, _ storage: UnsafeRawBufferPointer, _ offset: Int?) -> String {
        guard let base = storage.baseAddress, let offset else { return "unknown" }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
            let written = inet_ntop(family, base + offset, text.baseAddress, socklen_t(text.count))
            return written.map { String(cString: $0) } ?? "unknown"
        }
    }
}
