extension ListenerConfiguration {
    /// Listeners that one setting may name.
    public static let countMax = 32
    /// sun_path of sockaddr_un holds 108 bytes, and ends with a zero or, in the abstract namespace, begins with one.
    static let unixPathBytesMax = 107

    /// A list of listeners with commas between them.
    ///
    /// - Returns: nil when one of them is not as this type describes it, or when there is none or too many.
    public static func list(_ text: String) -> [ListenerConfiguration]? {
        var listeners: [ListenerConfiguration] = []
        for entry in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let listener = ListenerConfiguration(text: String(trimmed(entry))),
                listeners.count < countMax
            else { return nil }
            listeners.append(listener)
        }
        return listeners
    }

    /// One listener: an address and options behind semicolons. Nil when either is not as it must be.
    public init?(text: String) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)
        guard let first = parts.first, let address = Address(text: first) else { return nil }
        self.init(address)
        for option in parts.dropFirst() {
            guard apply(option) else { return nil }
        }
    }

    private mutating func apply(_ option: Substring) -> Bool {
        switch option {
        case "proxy": requiresProxy = true
        case "tls": usesTLS = true
        case "reuseport":
            guard case .ip = address else { return false }
            reusesPort = true
        case _ where option.hasPrefix("mode="):
            guard case .unix = address, let mode = Self.mode(option.dropFirst("mode=".count)) else {
                return false
            }
            self.mode = mode
        default: return false
        }
        return true
    }

    /// Octal, as chmod(1) has it: `660`, `0660`.
    private static func mode(_ text: Substring) -> UInt16? {
        let digits = text.utf8
        guard (3...4).contains(digits.count), digits.allSatisfy({ (0x30...0x37).contains($0) }),
            let mode = UInt16(text, radix: 8), mode <= 0o777
        else { return nil }
        return mode
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " { text = text.dropFirst() }
        while text.last == " " { text = text.dropLast() }
        return text
    }
}

extension ListenerConfiguration.Address {
    fileprivate init?(text: Substring) {
        // Nothing that could not be shown, and nothing that C would see the end of a string in.
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { return nil }
        if text == "systemd" {
            self = .systemd(name: nil)
        } else if text.hasPrefix("systemd:") {
            let name = text.dropFirst("systemd:".count)
            guard !name.isEmpty else { return nil }
            self = .systemd(name: String(name))
        } else if text.hasPrefix("unix:") {
            self.init(unix: text.dropFirst("unix:".count))
        } else {
            self.init(ip: text)
        }
    }

    private init?(unix text: Substring) {
        guard text.utf8.count <= ListenerConfiguration.unixPathBytesMax else { return nil }
        if text.first == "@", text.utf8.count > 1 {
            self = .abstract(name: String(text.dropFirst()))
        } else if text.first == "/", text.last != "/" {
            self = .unix(path: String(text))
        } else {
            return nil
        }
    }

    /// The port stands behind the last colon; an address that has colons itself stands in brackets (RFC 3986 §3.2.2).
    private init?(ip text: Substring) {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return nil }
        let digits = text.utf8[text.utf8.index(after: colon)...]
        guard digits.count <= 5, let number = ASCII.decimal(digits), let port = UInt16(exactly: number) else {
            return nil
        }
        var host = text[..<colon]
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
            guard IPAddress(host.utf8) != nil, host.utf8.contains(UInt8(ascii: ":")) else { return nil }
        } else if host.utf8.contains(where: { "[]:/".utf8.contains($0) }) {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self = .ip(host: String(host), port: port)
    }
}
