import ModelFiles

/// Where runs of three tokens stood last in a sequence that grows.
///
/// A table without chains: a run whose place another took is not found, which costs a draft and nothing else.
struct NgramIndex {
    static let runLength = 3
    /// Tokens that a match is compared backwards at most.
    static let matchLengthMax = 16

    /// An earlier place like the sequence's end.
    struct Match: Equatable {
        /// Position of the token that followed there.
        var next: Int
        /// Tokens before it that are the same as the last ones, `matchLengthMax` at most.
        var length: Int
    }

    /// The position after the last run with a hash; 0 is none. A power of two of them, or none. [slot]
    private var ends: [Int32] = []
    /// Runs that end before this position are in the table.
    private var indexedEnd = Self.runLength

    /// Takes in the tokens that came, and looks for the last ones.
    mutating func match(_ tokens: [TokenID]) -> Match? {
        guard tokens.count > Self.runLength else { return nil }
        if tokens.count * 2 > ends.count { grow(for: tokens.count) }
        for end in indexedEnd..<tokens.count { ends[slot(tokens, end)] = Int32(truncatingIfNeeded: end) }
        indexedEnd = tokens.count
        let next = Int(ends[slot(tokens, tokens.count)])
        guard next > 0 else { return nil }
        var length = 0
        while length < min(next, Self.matchLengthMax),
            tokens[next - 1 - length] == tokens[tokens.count - 1 - length]
        {
            length += 1
        }
        return length >= Self.runLength ? Match(next: next, length: length) : nil
    }

    private mutating func grow(for count: Int) {
        var size = 256
        while size < count * 4 { size *= 2 }
        ends = Array(repeating: 0, count: size)
        indexedEnd = Self.runLength
    }

    private func slot(_ tokens: [TokenID], _ end: Int) -> Int {
        var hash: UInt64 = 0
        for position in end - Self.runLength..<end {
            hash = (hash ^ UInt64(truncatingIfNeeded: tokens[position])) &* 0x9E37_79B9_7F4A_7C15
        }
        return Int(truncatingIfNeeded: hash >> 32) & (ends.count - 1)
    }
}
