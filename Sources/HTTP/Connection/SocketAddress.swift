import Glibc

/// An IPv4 or IPv6 address with a port, or a unix socket's.
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

    /// - Parameter name: A path, or a zero byte and an abstract name; cut to what fits, which whoever reads names
    ///   from outside has checked.
    static func unix(_ name: [UInt8]) -> SocketAddress {
        let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 0
        let name = name.prefix(ListenerConfiguration.unixPathBytesMax + 1)
        // A path ends with a zero byte; an abstract name ends where the length says.
        let end = name.first == 0 ? 0 : 1
        var address = SocketAddress(length: socklen_t(start + name.count + end))
        address.storage.ss_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.storage) { storage in
            UnsafeMutableRawBufferPointer(rebasing: storage[start..<start + name.count]).copyBytes(from: name)
        }
        return address
    }

    static func unix(path: String) -> SocketAddress { unix(Array(path.utf8)) }
    static func unix(abstract name: String) -> SocketAddress { unix([0] + Array(name.utf8)) }

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

    func connect(_ fd: Int32) -> Int32 {
        withUnsafeBytes(of: storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self) { Glibc.connect(fd, $0.baseAddress, length) }
        }
    }

    var isUnix: Bool { family == AF_UNIX }

    /// Of IPv4 and IPv6; else 0.
    var port: UInt16 {
        withUnsafeBytes(of: storage) { storage in
            switch family {
            case AF_INET: UInt16(bigEndian: storage.load(as: sockaddr_in.self).sin_port)
            case AF_INET6: UInt16(bigEndian: storage.load(as: sockaddr_in6.self).sin6_port)
            default: 0
            }
        }
    }

    /// Nil when it is another kind of address.
    var ip: IPAddress? {
        withUnsafeBytes(of: storage) { storage in
            let (offset, count) =
                switch family {
                case AF_INET: (MemoryLayout<sockaddr_in>.offset(of: \.sin_addr), 4)
                case AF_INET6: (MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr), 16)
                default: (nil as Int?, 0)
                }
            return offset.flatMap { IPAddress(networkOrder: storage[$0..<$0 + count]) }
        }
    }

    /// `192.0.2.1:80`, `[2001:db8::1]:80`; an IPv4 address that came in through an IPv6 socket reads as IPv4.
    /// `unix:/run/apus.sock`, `unix:@name`; `unix` when a socket has no name, as most clients have none.
    var text: String {
        if let ip { return ip.text(port: port) }
        guard isUnix else { return "unknown" }
        let name = unixName
        switch name.first {
        case nil: return "unix"
        case 0: return "unix:@" + String(decoding: name.dropFirst(), as: UTF8.self)
        default: return "unix:" + String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// Of a unix socket that has a file.
    var path: String? {
        guard isUnix, let first = unixName.first, first != 0 else { return nil }
        return String(decoding: unixName.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// The used part of sun_path.
    private var unixName: [UInt8] {
        withUnsafeBytes(of: storage) { storage in
            let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 0
            let end = min(Int(length), MemoryLayout<sockaddr_un>.size)
            return start < end ? Array(storage[start..<end]) : []
        }
    }
}
