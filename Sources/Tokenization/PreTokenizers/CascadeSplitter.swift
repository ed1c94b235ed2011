/// Runs the stages of a cascade over the whole text first, then hands out the words.
struct CascadeSplitter: WordSplitter {
    private var ends: [Int]
    private var next = 0

    init(_ stages: [CascadeStage], _ cursor: TextCursor) {
        ends = [cursor.end]
        for stage in stages {
            var cut: [Int] = []
            cut.reserveCapacity(ends.count)
            var start = 0
            for end in ends {
                stage.cut(TextCursor(cursor.text, end: end), from: start, into: &cut)
                start = end
            }
            ends = cut
        }
    }

    mutating func wordEnd(_ start: Int) -> Int {
        defer { next += 1 }
        return ends[next]
    }
}
