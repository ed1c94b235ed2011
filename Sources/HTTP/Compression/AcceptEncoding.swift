/// Which coding a client prefers of those that there are (RFC 9110 §12.5.3).
///
/// Where nothing is acceptable, `identity;q=0` and no other, the answer goes out unpacked: the RFC allows it, and
/// it serves better than 406.
enum AcceptEncoding {
    /// - Parameter value: Of the field, or nil without one. A member that cannot be read is passed over.
    static func choose(_ value: ArraySlice<UInt8>?) -> ContentCoding {
        guard let value, !value.isEmpty else { return .identity }
        // Thousandths; nil when not mentioned.
        var gzip: Int?
        var deflate: Int?
        var identity: Int?
        var others: Int?
        for member in value.split(separator: UInt8(ascii: ",")).map(ASCII.trimmed) {
            let parts = member.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).map(
                ASCII.trimmed)
            guard let name = parts.first, !name.isEmpty, let quality = quality(parts.dropFirst()) else {
                continue
            }
            if name.elementsEqual("*".utf8) { others = quality }
            switch ContentCoding(name) {
            case .gzip: gzip = quality
            case .deflate: deflate = quality
            case .identity: identity = quality
            case nil: break
            }
        }
        let best = max(gzip ?? others ?? 0, deflate ?? others ?? 0)
        // Unpacked is acceptable as long as nobody refuses it; it wins only when it was named and is preferred.
        guard best > 0, best >= identity ?? 0 else { return .identity }
        return gzip ?? others ?? 0 == best ? .gzip : .deflate
    }

    /// `q=0.5` in thousandths, 1000 when absent; nil when it cannot be read (RFC 9110 §12.4.2).
    private static func quality(_ parameters: ArraySlice<ArraySlice<UInt8>>) -> Int? {
        guard let parameter = parameters.first else { return 1000 }
        guard parameters.count == 1, parameter.count >= 3, parameter.count <= 7,
            ASCII.equalsIgnoringCase(parameter.prefix(2), "q=")
        else { return nil }
        let number = parameter.dropFirst(2)
        guard let whole = number.first, whole == UInt8(ascii: "0") || whole == UInt8(ascii: "1") else {
            return nil
        }
        var thousandths = whole == UInt8(ascii: "1") ? 1000 : 0
        let rest = number.dropFirst()
        guard !rest.isEmpty else { return thousandths }
        guard rest.first == UInt8(ascii: ".") else { return nil }
        var weight = 100
        for digit in rest.dropFirst() {
            guard ASCII.isDigit(digit) else { return nil }
            thousandths += weight * Int(digit - UInt8(ascii: "0"))
            weight /= 10
        }
        return thousandths <= 1000 ? thousandths : nil
    }
}
