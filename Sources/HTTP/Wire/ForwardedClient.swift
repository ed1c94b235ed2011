/// An address that a proxy told; with a port when it told that too.
struct ForwardedClient: Equatable {
    var address: IPAddress
    var port: UInt16?

    var text: String { address.text(port: port) }

    /// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`. Nil for anything else, such as
    /// the `unknown` and `_hidden` of RFC 7239 §6.
    init?(_ node: some BidirectionalCollection<UInt8>) {
        let node = Array(node)
        if node.first == UInt8(ascii: "[") {
            guard let end = node.firstIndex(of: UInt8(ascii: "]")), let address = IPAddress(node[1..<end]),
                node[1..<end].contains(UInt8(ascii: ":"))
            else { return nil }
            self.init(address, rest: node[(end + 1)...])
        } else if let colon = node.firstIndex(of: UInt8(ascii: ":")),
            node.lastIndex(of: UInt8(ascii: ":")) == colon
        {
            guard let address = IPAddress(node[..<colon]) else { return nil }
            self.init(address, rest: node[colon...])
        } else {
            guard let address = IPAddress(node) else { return nil }
            self.init(address, rest: [])
        }
    }

    /// - Parameter rest: Empty, or a colon and a port.
    private init?(_ address: IPAddress, rest: ArraySlice<UInt8>) {
        self.address = address
        guard let first = rest.first else { return }
        let digits = rest.dropFirst()
        guard first == UInt8(ascii: ":"), digits.count <= 5,
            let port = ASCII.decimal(digits).flatMap({ UInt16(exactly: $0) })
        else { return nil }
        self.port = port
    }
}
