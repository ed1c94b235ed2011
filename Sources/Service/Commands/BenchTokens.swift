import ModelFiles

/// The tokens of the comparison with other engines: a linear congruential generator, the rarest ids left out.
struct BenchTokens {
    private var state: UInt32 = 1
    private let span: UInt32
    private let first: UInt32

    init(vocabularyCount: Int) {
        let margin = vocabularyCount > 1000 ? 500 : 0
        first = UInt32(margin)
        span = UInt32(max(1, vocabularyCount - 2 * margin))
    }

    mutating func next() -> TokenID {
        state = state &* 1_664_525 &+ 1_013_904_223
        return TokenID((state >> 8) % span + first)
    }
}
