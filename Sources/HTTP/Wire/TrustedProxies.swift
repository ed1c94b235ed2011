/// Whose word about the client is taken: proxies that say in `Forwarded` (RFC 7239) or `X-Forwarded-For` for whom a
/// request is.
public struct TrustedProxies: Sendable, Equatable {
    public static let countMax = 256

    private var ranges: [AddressRange] = []
    /// Every client of a unix socket.
    private var trustsUnix = false

    /// Nobody.
    public init() {}

    /// - Parameter text: Addresses and ranges such as `127.0.0.1, 10.0.0.0/8, 2001:db8::/32` with commas between them;
    ///   `unix` is every client of a unix socket.
    /// - Returns: nil when one of them is neither, or when there are too many.
    public init?(_ text: String) {
        for entry in text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            let word = String(decoding: ASCII.trimmed(Array(entry)[...]), as: UTF8.self)
            if word == "unix" {
                trustsUnix = true
            } else if let range = AddressRange(word), ranges.count < Self.countMax {
                ranges.append(range)
            } else {
                return nil
            }
        }
    }

    public var isEmpty: Bool { ranges.isEmpty && !trustsUnix }

    func contain(_ address: IPAddress) -> Bool { ranges.contains { $0.contains(address) } }

    /// The client as the proxies tell it; nil when the peer is not trusted or says nothing useful.
    ///
    /// The last entry of the list is by the proxy that speaks to us, the one before by the proxy before it, as long as
    /// that is trusted too; what stands before the first address that is not trusted anybody may have invented.
    ///
    /// - Parameter peer: The other end; nil for a unix socket.
    func client(of fields: HTTPFields, peer: IPAddress?) -> ForwardedClient? {
        guard peer.map(contain) ?? trustsUnix else { return nil }
        let standard = fields.bytesOfAll("forwarded")
        let usual = fields.bytesOfAll("x-forwarded-for")
        if standard.isEmpty { return usual.isEmpty ? nil : walk(ForwardedList.addresses(usual)) }
        let told = walk(ForwardedList.elements(standard))
        // A proxy that writes one of them may pass on what a client wrote in the other.
        guard usual.isEmpty || told?.address == walk(ForwardedList.addresses(usual))?.address else {
            return nil
        }
        return told
    }

    private func walk(_ entries: [ForwardedClient?]) -> ForwardedClient? {
        var told: ForwardedClient?
        for entry in entries.reversed() {
            // Somebody who is not named, or not in a way that says where: no further.
            guard let entry else { break }
            told = entry
            guard contain(entry.address) else { break }
        }
        return told
    }
}
