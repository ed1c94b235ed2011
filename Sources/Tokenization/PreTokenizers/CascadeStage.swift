/// One expression of a cascade. It cuts a piece where it matches; what lies between the matches stays in one
/// piece each.
enum CascadeStage: Sendable, Equatable {
    /// [set]
    case isolated(CharacterSet)
    /// [set]+
    case runs(CharacterSet)
    /// \s?[set]+
    case runsAfterSpace(CharacterSet)
    /// \s+$
    case trailingWhitespace
    /// The expression of `PreTokenizerRule.gpt2`.
    case gpt2
    /// [0-9][0-9][0-9]
    case digitTriples

    static let falcon: [CascadeStage] = [.runs(.falconPunctuation), .gpt2, .digitTriples]
    /// llama.cpp's answer to a file that names no pre-tokenizer.
    static let fallback: [CascadeStage] = [
        .runs(.fallbackPunctuation), .gpt2, .runs(.numbers), .digitTriples,
    ]
    static let deepSeekLLM: [CascadeStage] = [
        .isolated(.lineBreaks), .runsAfterSpace(.casedLetters), .runsAfterSpace(.deepSeekPunctuation),
        .trailingWhitespace, .runs(.wide), .runs(.numbers),
    ]
    static let deepSeekCoder: [CascadeStage] = [
        .isolated(.lineBreaks), .runsAfterSpace(.letters), .runsAfterSpace(.punctuation), .runs(.wide),
        .isolated(.numbers),
    ]

    /// Cuts the piece from `start` to the cursor's end; appends the end of each part to `ends`.
    func cut(_ cursor: TextCursor, from start: Int, into ends: inout [Int]) {
        switch self {
        case .isolated(let set): cutCharacters(set, cursor, start, &ends)
        case .runs(let set): cutRuns(set, takesSpace: false, cursor, start, &ends)
        case .runsAfterSpace(let set): cutRuns(set, takesSpace: true, cursor, start, &ends)
        case .trailingWhitespace: cutTrailingWhitespace(cursor, start, &ends)
        case .gpt2: cutWords(cursor, start, &ends)
        case .digitTriples: cutTriples(cursor, start, &ends)
        }
    }

    private func cutCharacters(_ set: CharacterSet, _ cursor: TextCursor, _ start: Int, _ ends: inout [Int]) {
        var at = start
        var cut = start
        while at < cursor.end {
            let length = cursor.character(at).length
            if set.contains(at, cursor) {
                if at > cut { ends.append(at) }
                cut = at + length
                ends.append(cut)
            }
            at += length
        }
        if cut < cursor.end { ends.append(cursor.end) }
    }

    private func cutRuns(
        _ set: CharacterSet, takesSpace: Bool, _ cursor: TextCursor, _ start: Int, _ ends: inout [Int]
    ) {
        var at = start
        var cut = start
        /// Where the white space starts that ends at `at`; `at` if there is none.
        var space = start
        while at < cursor.end {
            let character = cursor.character(at)
            guard set.contains(at, cursor) else {
                space = takesSpace && character.kind.contains(.whitespace) ? at : at + character.length
                at += character.length
                continue
            }
            let first = takesSpace ? max(space, cut) : at
            if first > cut { ends.append(first) }
            at += character.length
            while at < cursor.end, set.contains(at, cursor) { at += cursor.character(at).length }
            ends.append(at)
            cut = at
            space = at
        }
        if cut < cursor.end { ends.append(cursor.end) }
    }

    private func cutTrailingWhitespace(_ cursor: TextCursor, _ start: Int, _ ends: inout [Int]) {
        var at = start
        var space = start
        while at < cursor.end {
            let character = cursor.character(at)
            at += character.length
            if !character.kind.contains(.whitespace) { space = at }
        }
        if space > start { ends.append(space) }
        if space < cursor.end { ends.append(cursor.end) }
    }

    private func cutWords(_ cursor: TextCursor, _ start: Int, _ ends: inout [Int]) {
        let splitter = GPT2Splitter(cursor: cursor, isolatesNumbers: false)
        var at = start
        while at < cursor.end {
            at = splitter.wordEnd(at)
            ends.append(at)
        }
    }

    private func cutTriples(_ cursor: TextCursor, _ start: Int, _ ends: inout [Int]) {
        var at = start
        var cut = start
        var digits = 0
        while at < cursor.end {
            let isDigit = UInt8(ascii: "0")...UInt8(ascii: "9") ~= cursor.text[at]
            at += 1
            digits = isDigit ? digits + 1 : 0
            if digits == 3 {
                if at - 3 > cut { ends.append(at - 3) }
                ends.append(at)
                cut = at
                digits = 0
            }
        }
        if cut < cursor.end { ends.append(cursor.end) }
    }
}
