/// For which hosts a server answers.
///
/// A page of a foreign site can make a browser resolve the site's name to 127.0.0.1 and then talks to a local server
/// as if it were its own (DNS rebinding). Its requests still carry the site's name in `Host`, and fail here. The names
/// of the loopback are always on the list, because no site can have them.
public struct HostList: Sendable, Equatable {
    private let isAny: Bool
    /// In lower case; IPv6 addresses without brackets.
    private var names: Set<String> = []
    /// What follows the star of `*.example.com`, with the dot.
    private var suffixes: [String] = []

    /// Whatever the host is.
    public static let any = HostList(isAny: true)
    /// `localhost`, what ends in `.localhost`, 127.0.0.0/8 and ::1.
    public static let loopback = HostList(isAny: false)

    private init(isAny: Bool) {
        self.isAny = isAny
    }

    /// - Parameter patterns: Names and addresses without ports, `*.example.com`, or `*` for any.
    /// - Returns: Nil when one is none of these.
    public init?(_ patterns: [String]) {
        isAny = patterns.contains("*")
        for pattern in patterns where pattern != "*" {
            let isSuffix = pattern.hasPrefix("*.")
            var bytes = Array((isSuffix ? String(pattern.dropFirst(2)) : pattern).utf8)
            // An IPv6 address, which has two colons at least, may come without the brackets that Host needs.
            if bytes.filter({ $0 == UInt8(ascii: ":") }).count > 1, bytes.first != UInt8(ascii: "[") {
                bytes = [UInt8(ascii: "[")] + bytes + [UInt8(ascii: "]")]
            }
            guard HostField.isValid(bytes[...]) else { return nil }
            let (host, port) = HostField.split(bytes[...])
            guard port == nil else { return nil }
            if isSuffix { suffixes.append("." + Self.normal(host)) } else { names.insert(Self.normal(host)) }
        }
    }

    /// Some hosts are refused.
    var isRestricted: Bool { !isAny }

    /// - Parameter authority: A valid host with an optional port.
    func contains(_ authority: ArraySlice<UInt8>) -> Bool {
        if isAny { return true }
        let host = Self.normal(HostField.split(authority).host)
        return Self.isLoopback(host) || names.contains(host) || suffixes.contains { host.hasSuffix($0) }
    }

    /// The name or address stands for this machine alone, whatever a name server says (RFC 6761 §6.3).
    private static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host.hasSuffix(".localhost") || IPAddress(host)?.isLoopback == true
    }

    /// In lower case, without brackets and without the dot that may end a name.
    private static func normal(_ host: ArraySlice<UInt8>) -> String {
        var host = host
        if host.first == UInt8(ascii: "[") { host = host.dropFirst().dropLast() }
        if host.last == UInt8(ascii: ".") { host = host.dropLast() }
        return String(decoding: host.map(ASCII.lowercased), as: UTF8.self)
    }
}
