/// Reads the values of `X-Forwarded-For` and `Forwarded`. All lines of a name are one list (RFC 9110 §5.3).
///
/// An entry is nil when it names no address.
enum ForwardedList {
    /// `X-Forwarded-For`: addresses with commas between them.
    static func addresses(_ lines: [ArraySlice<UInt8>]) -> [ForwardedClient?] {
        lines.flatMap { line in
            line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
                .map { ForwardedClient(ASCII.trimmed($0)) }
        }
    }

    /// `Forwarded` (RFC 7239 §4): elements with commas between them, of pairs with semicolons between them. Only `for`
    /// counts. A line that is not as it must be says nothing, and neither does what stands before it.
    static func elements(_ lines: [ArraySlice<UInt8>]) -> [ForwardedClient?] {
        lines.flatMap { line in
            var reader = Reader(line)
            return reader.elements() ?? [nil]
        }
    }

    private struct Reader {
        private var rest: ArraySlice<UInt8>

        init(_ line: ArraySlice<UInt8>) {
            rest = line
        }

        /// Nil for a line that breaks the grammar.
        mutating func elements() -> [ForwardedClient?]? {
            var elements: [ForwardedClient?] = []
            while true {
                guard let element = element() else { return nil }
                elements.append(element.client)
                skipSpace()
                guard let next = rest.popFirst() else { return elements }
                guard next == UInt8(ascii: ",") else { return nil }
            }
        }

        private struct Element {
            var client: ForwardedClient?
        }

        /// `[ pair ] *( ";" [ pair ] )`; a parameter must not come twice.
        private mutating func element() -> Element? {
            var element = Element()
            var sawFor = false
            while true {
                skipSpace()
                if let byte = rest.first, ASCII.isToken(byte) {
                    let name = rest.prefix(while: ASCII.isToken)
                    rest = rest.dropFirst(name.count)
                    guard rest.popFirst() == UInt8(ascii: "="), let value = value() else { return nil }
                    if ASCII.equalsIgnoringCase(name, "for") {
                        guard !sawFor else { return nil }
                        sawFor = true
                        element.client = ForwardedClient(value)
                    }
                }
                skipSpace()
                guard rest.first == UInt8(ascii: ";") else { return element }
                rest = rest.dropFirst()
            }
        }

        /// A token or a quoted string (RFC 9110 §5.6.4). IPv6 addresses and ports must be quoted; a colon in a token is
        /// taken all the same, as everybody does.
        private mutating func value() -> [UInt8]? {
            guard rest.first == UInt8(ascii: "\"") else {
                let value = rest.prefix { ASCII.isToken($0) || $0 == UInt8(ascii: ":") }
                rest = rest.dropFirst(value.count)
                return value.isEmpty ? nil : Array(value)
            }
            rest = rest.dropFirst()
            var value: [UInt8] = []
            while let byte = rest.popFirst() {
                switch byte {
                case UInt8(ascii: "\""): return value
                case UInt8(ascii: "\\"):
                    guard let escaped = rest.popFirst() else { return nil }
                    value.append(escaped)
                default: value.append(byte)
                }
            }
            return nil
        }

        private mutating func skipSpace() {
            rest = rest.drop { $0 == ASCII.space || $0 == ASCII.tab }
        }
    }
}
