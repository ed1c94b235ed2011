/// Version 1 of the PROXY protocol (§2.1): one line for people and machines.
///
///     PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n
enum ProxyLine {
    static let beginning = Array("PROXY ".utf8)

    static func parse(_ bytes: [UInt8], bytesMax: Int) -> ProxyHeader.Verdict {
        let window = bytes.prefix(bytesMax)
        guard let lineFeed = window.firstIndex(of: ASCII.lineFeed) else {
            guard isPlausible(window) else { return .invalid(.malformed) }
            return bytes.count >= bytesMax ? .invalid(.oversized) : .incomplete
        }
        guard lineFeed > 0, bytes[lineFeed - 1] == ASCII.carriageReturn,
            bytes[..<(lineFeed - 1)].allSatisfy(isPrintable)
        else { return .invalid(.malformed) }
        let length = lineFeed + 1
        let words = bytes[beginning.count..<(lineFeed - 1)].split(
            separator: ASCII.space, omittingEmptySubsequences: false)
        switch words.first.map({ String(decoding: $0, as: UTF8.self) }) {
        case "UNKNOWN":
            // Whatever follows it is to be ignored.
            return .complete(length: length, client: nil)
        case "TCP4": return client(words, isIPv4: true, length)
        case "TCP6": return client(words, isIPv4: false, length)
        default: return .invalid(.malformed)
        }
    }

    /// A line has no control bytes inside, and a CR only at its end.
    private static func isPlausible(_ bytes: some BidirectionalCollection<UInt8>) -> Bool {
        let isEnding = bytes.last == ASCII.carriageReturn
        return bytes.dropLast(isEnding ? 1 : 0).allSatisfy(isPrintable)
    }

    private static func isPrintable(_ byte: UInt8) -> Bool { byte >= 0x20 && byte < 0x7F }

    /// Protocol, source, destination, source's port, destination's port, with one space between them.
    private static func client(_ words: [ArraySlice<UInt8>], isIPv4: Bool, _ length: Int)
        -> ProxyHeader.Verdict
    {
        guard words.count == 5, let source = address(words[1], isIPv4), address(words[2], isIPv4) != nil,
            let port = port(words[3]), self.port(words[4]) != nil
        else { return .invalid(.malformed) }
        return .complete(length: length, client: ProxyHeader.Client(address: source, port: port))
    }

    private static func address(_ word: ArraySlice<UInt8>, _ isIPv4: Bool) -> IPAddress? {
        // By its form: an IPv4 address written as an IPv6 one is TCP6.
        guard word.contains(UInt8(ascii: ":")) != isIPv4 else { return nil }
        return IPAddress(word)
    }

    /// 0 to 65535 without leading zeros.
    private static func port(_ word: ArraySlice<UInt8>) -> UInt16? {
        guard (1...5).contains(word.count), word.count == 1 || word.first != UInt8(ascii: "0") else {
            return nil
        }
        return ASCII.decimal(word).flatMap { UInt16(exactly: $0) }
    }
}
