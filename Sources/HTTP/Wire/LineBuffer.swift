/// Gathers the bytes of one line after another, however they are cut, and lets no control byte through.
///
/// Only CRLF ends a line: a bare CR, a bare LF and every other control byte but HTAB is refused where it
/// stands (RFC 9112 §2.2 lets a server be milder; being milder is how requests are smuggled).
struct LineBuffer {
    enum Progress {
        case needsMore
        /// The line lies in `bytes[start...]`.
        case complete
        /// `bytes[start...]` is as much of it as was allowed.
        case tooLong
        case badByte
    }

    /// All lines since the last `restart`, without their CRLFs.
    private(set) var bytes: [UInt8] = []
    /// Where the present line begins.
    private(set) var start = 0
    private var sawCarriageReturn = false

    var line: ArraySlice<UInt8> { bytes[start...] }
    /// Nothing was taken since the last line ended.
    var isFresh: Bool { start == bytes.count && !sawCarriageReturn }

    /// Takes bytes from `position` on, up to the end of the line and not further.
    ///
    /// - Parameter max: Bytes that the line may have without its CRLF.
    mutating func take(_ input: Span<UInt8>, _ position: inout Int, max: Int) -> Progress {
        if !sawCarriageReturn {
            let from = position
            while position < input.count, !ASCII.isControl(input[position]) { position += 1 }
            let count = min(position - from, max - (bytes.count - start))
            input.extracting(from..<from + count).withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
            guard from + count == position else { return .tooLong }
            guard position < input.count else { return .needsMore }
            guard input[position] == ASCII.carriageReturn else { return .badByte }
            position += 1
            sawCarriageReturn = true
        }
        guard position < input.count else { return .needsMore }
        guard input[position] == ASCII.lineFeed else { return .badByte }
        position += 1
        sawCarriageReturn = false
        return .complete
    }

    /// The next line follows; what was gathered stays.
    mutating func nextLine() {
        start = bytes.count
    }

    /// The next line follows; what was gathered goes.
    mutating func restart() {
        bytes.removeAll(keepingCapacity: true)
        start = 0
    }

    /// Hands all lines over and is empty.
    mutating func release() -> [UInt8] {
        defer { self = LineBuffer() }
        return bytes
    }
}
