/// A string of a template: UTF-8 bytes, each of which knows whether it is the template's own text or came out
/// of the request. Every operation that makes a string out of others carries the marks along.
struct MarkedString: Sendable {
    private(set) var bytes: [UInt8] = []
    private(set) var isASCII = true
    /// Whether this went through `safe` or `escape` (Python's `Markup`): what is added to it gets HTML
    /// escapes.
    var isMarkup = false
    /// The mark of the first byte; the mark changes at each offset of `flips`.
    private var startsInTemplate = true
    /// Ascending offsets, each > 0 and < `bytes.count`.
    private var flips: [Int] = []

    init() {}

    init(_ bytes: [UInt8], isTemplate: Bool) {
        self.bytes = bytes
        isASCII = bytes.allSatisfy { $0 < 0x80 }
        startsInTemplate = isTemplate
    }

    /// Text that the template or the interpreter made itself.
    init(_ text: String, isTemplate: Bool = true) {
        self.init(Array(text.utf8), isTemplate: isTemplate)
    }

    var count: Int { bytes.count }
    var isEmpty: Bool { bytes.isEmpty }
    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The mark of the byte at `offset`.
    func isTemplate(at offset: Int) -> Bool {
        if flips.isEmpty { return startsInTemplate }
        let before = flips.partitioningIndex { $0 > offset }
        return before.isMultiple(of: 2) == startsInTemplate
    }

    /// Calls `body` for each longest run of one mark within `range`.
    func forEachRun(in range: Range<Int>, _ body: (Range<Int>, Bool) -> Void) {
        var start = range.lowerBound
        guard start < range.upperBound else { return }
        var next = flips.isEmpty ? 0 : flips.partitioningIndex { $0 > start }
        var isTemplate = next.isMultiple(of: 2) == startsInTemplate
        while start < range.upperBound {
            let end = next < flips.count ? min(flips[next], range.upperBound) : range.upperBound
            body(start..<end, isTemplate)
            (start, next, isTemplate) = (end, next + 1, !isTemplate)
        }
    }

    mutating func append(_ other: MarkedString) {
        if isEmpty {
            let wasMarkup = isMarkup
            self = other
            isMarkup = wasMarkup
        } else {
            append(other, 0..<other.count)
        }
    }

    mutating func append(_ other: MarkedString, _ range: Range<Int>) {
        var result = self
        self = MarkedString()  // Only one owner, so that growing does not copy.
        other.forEachRun(in: range) { result.append(other.bytes[$0], isTemplate: $1) }
        self = result
    }

    mutating func append(_ part: some Collection<UInt8>, isTemplate: Bool) {
        guard !part.isEmpty else { return }
        if bytes.isEmpty {
            startsInTemplate = isTemplate
        } else if flips.count.isMultiple(of: 2) == startsInTemplate, !isTemplate {
            flips.append(bytes.count)
        } else if flips.count.isMultiple(of: 2) != startsInTemplate, isTemplate {
            flips.append(bytes.count)
        }
        if isASCII { isASCII = part.allSatisfy { $0 < 0x80 } }
        bytes.append(contentsOf: part)
    }

    mutating func append(_ text: String, isTemplate: Bool = true) {
        append(text.utf8, isTemplate: isTemplate)
    }

    /// The bytes of `range`, which must begin and end between characters.
    func slice(_ range: Range<Int>) -> MarkedString {
        if range.lowerBound == 0, range.upperBound == count { return self }
        var result = MarkedString()
        result.append(self, range)
        return result
    }

    /// The runs as they leave the interpreter.
    var segments: [ChatSegment] {
        var result: [ChatSegment] = []
        forEachRun(in: 0..<count) { range, isTemplate in
            result.append(ChatSegment(text: Array(bytes[range]), isTemplate: isTemplate))
        }
        return result
    }
}

extension MarkedString: Equatable {
    /// Marks play no part in comparisons.
    static func == (left: MarkedString, right: MarkedString) -> Bool { left.bytes == right.bytes }
}

extension Array where Element == Int {
    /// The first index whose element satisfies `predicate`, which must be false for a prefix and true for the
    /// rest.
    fileprivate func partitioningIndex(where predicate: (Int) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
