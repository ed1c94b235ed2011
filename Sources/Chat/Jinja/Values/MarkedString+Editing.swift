/// Searching, trimming, splitting and replacing, with Python's meaning.
extension MarkedString {
    // MARK: - Trimming

    enum Side { case left, right, both }

    /// Without the outer code points that are in `characters` or, without it, white space.
    func trimmed(_ side: Side, of characters: MarkedString? = nil) -> MarkedString {
        var set: Set<Unicode.Scalar>?
        if let characters {
            var scalars: Set<Unicode.Scalar> = []
            characters.forEachScalar { scalar, _ in scalars.insert(scalar) }
            set = scalars
        }
        let matches = { (scalar: Unicode.Scalar) in set?.contains(scalar) ?? scalar.isPythonSpace }
        var start = 0
        if side != .right {
            while start < count, case (let scalar, let next) = scalar(at: start), matches(scalar) {
                start = next
            }
        }
        var end = count
        if side != .left {
            while end > start {
                var last = end - 1
                while last > start, bytes[last] & 0xC0 == 0x80 { last -= 1 }
                guard matches(scalar(at: last).scalar) else { break }
                end = last
            }
        }
        return slice(start..<end)
    }

    // MARK: - Searching

    /// The first occurrence at or after `start`.
    func firstRange(of needle: MarkedString, from start: Int = 0) -> Range<Int>? {
        if needle.isEmpty { return start <= count ? start..<start : nil }
        return Search(needle.bytes).first(in: bytes, from: start)
    }

    /// The last occurrence that ends at or before `end`.
    func lastRange(of needle: MarkedString, before end: Int) -> Range<Int>? {
        let length = needle.count
        guard length <= end else { return nil }
        return bytes.withUnsafeBufferPointer { hay in
            needle.bytes.withUnsafeBufferPointer { pin in
                var offset = end - length
                while offset >= 0 {
                    if matches(hay, pin, at: offset) { return offset..<offset + length }
                    offset -= 1
                }
                return nil
            }
        }
    }

    private func matches(
        _ hay: UnsafeBufferPointer<UInt8>, _ pin: UnsafeBufferPointer<UInt8>, at offset: Int
    ) -> Bool {
        for index in 0..<pin.count where hay[offset + index] != pin[index] { return false }
        return true
    }

    func hasPrefix(_ other: MarkedString) -> Bool { bytes.starts(with: other.bytes) }
    func hasSuffix(_ other: MarkedString) -> Bool { bytes.suffix(other.count).elementsEqual(other.bytes) }

    /// The offsets at which the search for `needle` stops, without overlaps; at most `limit` (all when nil).
    func ranges(of needle: MarkedString, limit: Int? = nil) -> [Range<Int>] {
        var found: [Range<Int>] = []
        if needle.isEmpty {  // Python finds the empty string before every code point and at the end.
            for offset in characterOffsets().prefix(limit ?? .max) { found.append(offset..<offset) }
            return found
        }
        let search = Search(needle.bytes)
        var start = 0
        while found.count < limit ?? .max, let range = search.first(in: bytes, from: start) {
            found.append(range)
            start = range.upperBound
        }
        return found
    }

    // MARK: - Splitting and joining

    /// The pieces between the first `limit` separators.
    func split(by separator: MarkedString, limit: Int? = nil) -> [MarkedString] {
        pieces(between: ranges(of: separator, limit: limit))
    }

    /// The pieces between the last `limit` separators.
    func splitFromEnd(by separator: MarkedString, limit: Int?) -> [MarkedString] {
        var found: [Range<Int>] = []
        var end = count
        while found.count < limit ?? .max, let range = lastRange(of: separator, before: end) {
            found.append(range)
            end = range.lowerBound
        }
        return pieces(between: found.reversed())
    }

    /// The words between runs of white space; with a limit the last piece keeps the rest as it is.
    func splitWords(limit: Int? = nil) -> [MarkedString] {
        var words: [MarkedString] = []
        var start = skip(from: 0) { $0.isPythonSpace }
        while start < count {
            if words.count == limit ?? .max {
                words.append(slice(start..<count))
                break
            }
            let end = skip(from: start) { !$0.isPythonSpace }
            words.append(slice(start..<end))
            start = skip(from: end) { $0.isPythonSpace }
        }
        return words
    }

    private func skip(from start: Int, while matches: (Unicode.Scalar) -> Bool) -> Int {
        var offset = start
        while offset < count, case (let scalar, let next) = scalar(at: offset), matches(scalar) {
            offset = next
        }
        return offset
    }

    /// The lines without their ends (LF, CR, CRLF and the other separators of `str.splitlines`).
    func splitLines(keepingEnds: Bool = false) -> [MarkedString] {
        var lines: [MarkedString] = []
        var start = 0
        var offset = 0
        while offset < count {
            let (scalar, next) = scalar(at: offset)
            var end = next
            switch scalar.value {
            case 0x0D:
                if end < count, bytes[end] == 0x0A { end += 1 }
            case 0x0A, 0x0B, 0x0C, 0x1C, 0x1D, 0x1E, 0x85, 0x2028, 0x2029: break
            default:
                offset = next
                continue
            }
            lines.append(slice(start..<(keepingEnds ? end : offset)))
            (start, offset) = (end, end)
        }
        if start < count { lines.append(slice(start..<count)) }
        return lines
    }

    private func pieces(between separators: [Range<Int>]) -> [MarkedString] {
        var pieces: [MarkedString] = []
        var start = 0
        for separator in separators {
            pieces.append(slice(start..<separator.lowerBound))
            start = separator.upperBound
        }
        pieces.append(slice(start..<count))
        return pieces
    }

    /// The occurrences of `old`, at most `limit`, replaced; what is put in keeps its own marks.
    func replacing(_ old: MarkedString, with new: MarkedString, limit: Int? = nil) -> MarkedString {
        var result = MarkedString()
        var start = 0
        for range in ranges(of: old, limit: limit) {
            result.append(self, start..<range.lowerBound)
            result.append(new)
            start = range.upperBound
        }
        result.append(self, start..<count)
        return result
    }
}

/// Knuth, Morris and Pratt's search: linear whatever the two strings are.
private struct Search {
    private let needle: [UInt8]
    /// For each prefix of the needle, the length of its longest proper prefix that is also its suffix.
    private var borders: [Int] = []

    /// `needle` is not empty.
    init(_ needle: [UInt8]) {
        self.needle = needle
        borders = [0]
        borders.reserveCapacity(needle.count)
        for index in 1..<max(needle.count, 1) {
            var length = borders[index - 1]
            while length > 0, needle[index] != needle[length] { length = borders[length - 1] }
            borders.append(needle[index] == needle[length] ? length + 1 : 0)
        }
    }

    func first(in bytes: [UInt8], from start: Int) -> Range<Int>? {
        var matched = 0
        var offset = start
        while offset < bytes.count {
            while matched > 0, bytes[offset] != needle[matched] { matched = borders[matched - 1] }
            if bytes[offset] == needle[matched] { matched += 1 }
            offset += 1
            if matched == needle.count { return (offset - matched)..<offset }
        }
        return nil
    }
}
