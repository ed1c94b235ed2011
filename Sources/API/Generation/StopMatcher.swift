/// Finds stop strings in a text that arrives in pieces, and says how much of it may be shown.
///
/// Every stop string has a Knuth-Morris-Pratt automaton that sees each byte once, so the result does not
/// depend on where the pieces are cut, and a byte costs at most two steps a string. The string that is complete
/// first wins; of several that end at the same byte, the longest.
struct StopMatcher {
    private let patterns: [Pattern]
    /// Per pattern, how many of its bytes the text ends with.
    private var matched: [Int]
    /// Bytes seen, and of these the ones released.
    private var seenCount = 0
    private var releasedCount = 0
    /// Bytes seen and not released: a suffix of the text that may be the beginning of a stop string.
    private var held: [UInt8] = []

    /// What a piece of text brought.
    struct Step: Equatable {
        /// Text that cannot belong to a stop string any more.
        var released: [UInt8]
        /// The stop string that is now complete; what follows it was not read.
        var matched: [UInt8]?
    }

    init(stops: [[UInt8]]) {
        patterns = stops.filter { !$0.isEmpty }.map(Pattern.init)
        matched = Array(repeating: 0, count: patterns.count)
    }

    /// Reads the next piece. After a match, nothing more may come.
    mutating func append(_ piece: [UInt8]) -> Step {
        if patterns.isEmpty {
            seenCount += piece.count
            releasedCount = seenCount
            return Step(released: piece, matched: nil)
        }
        for byte in piece {
            held.append(byte)
            seenCount += 1
            if let stop = advance(over: byte) {
                return Step(released: release(upTo: seenCount - stop.count), matched: stop)
            }
        }
        let longest = matched.max() ?? 0
        return Step(released: release(upTo: seenCount - longest), matched: nil)
    }

    /// Lets a piece through in which no stop string counts; only before any other piece.
    mutating func pass(_ piece: [UInt8]) -> Step {
        seenCount += piece.count
        releasedCount = seenCount
        return Step(released: piece, matched: nil)
    }

    /// The held text, at the end of a generation that no stop string ended.
    mutating func finish() -> [UInt8] { release(upTo: seenCount) }

    private mutating func advance(over byte: UInt8) -> [UInt8]? {
        var longest: [UInt8]?
        for index in patterns.indices {
            matched[index] = patterns[index].next(matched[index], byte)
            let bytes = patterns[index].bytes
            if matched[index] == bytes.count, bytes.count > longest?.count ?? 0 { longest = bytes }
        }
        return longest
    }

    private mutating func release(upTo count: Int) -> [UInt8] {
        let released = Array(held.prefix(count - releasedCount))
        held.removeFirst(released.count)
        releasedCount += released.count
        return released
    }
}

/// One stop string and the failure function of its automaton.
private struct Pattern {
    let bytes: [UInt8]
    /// [bytes.count]: the length of the longest proper prefix that is also a suffix of bytes[...i].
    private let failure: [Int]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var failure = [0]
        var length = 0
        for byte in bytes.dropFirst() {
            while length > 0, bytes[length] != byte { length = failure[length - 1] }
            if bytes[length] == byte { length += 1 }
            failure.append(length)
        }
        self.failure = failure
    }

    /// The automaton's next state; the caller never goes on from the final one.
    func next(_ state: Int, _ byte: UInt8) -> Int {
        var state = state
        while state > 0, bytes[state] != byte { state = failure[state - 1] }
        return bytes[state] == byte ? state + 1 : 0
    }
}
