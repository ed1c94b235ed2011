/// The PROXY protocol's header: a line (version 1) or a block (version 2) before everything else that a proxy sends on
/// a connection, which names the client that it speaks for
/// (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt).
///
/// Pure: a function of the bytes that came so far. Once it says `complete` or `invalid`, more bytes do not change that.
enum ProxyHeader {
    enum Verdict: Equatable {
        /// More bytes are needed.
        case incomplete
        /// The header is the first `length` bytes. The client is nil when the proxy speaks for itself (LOCAL, as in health
        /// checks) or does not say for whom (UNKNOWN, UNSPEC, a unix socket's client): then the other end of the
        /// connection counts.
        case complete(length: Int, client: Client?)
        case invalid(Fault)
    }

    struct Client: Equatable {
        var address: IPAddress
        var port: UInt16

        var text: String { address.text(port: port) }
    }

    enum Fault: String, CaseIterable, Sendable {
        /// The bytes are no PROXY header at all.
        case missing
        case malformed
        /// Longer than may be.
        case oversized
    }

    /// The longest line of version 1, with its CRLF (§2.1).
    static let lineBytesMax = 107

    static func parse(_ bytes: [UInt8], bytesMax: Int) -> Verdict {
        if isPrefix(bytes, of: ProxyBlock.signature) {
            if bytes.count < ProxyBlock.fixedBytes { return .incomplete }
            return ProxyBlock.parse(bytes, bytesMax: bytesMax)
        }
        if isPrefix(bytes, of: ProxyLine.beginning) {
            return ProxyLine.parse(bytes, bytesMax: min(bytesMax, lineBytesMax))
        }
        return .invalid(.missing)
    }

    /// As far as both go, they are the same.
    private static func isPrefix(_ bytes: [UInt8], of beginning: [UInt8]) -> Bool {
        zip(bytes, beginning).allSatisfy { $0 == $1 }
    }
}
