/// Cuts text into words, one after the other and without gaps.
protocol WordSplitter {
    /// Where the word ends that starts at `start`, which is before the end of the text.
    mutating func wordEnd(_ start: Int) -> Int
}

/// `PreTokenizerRule.gpt2` as a state machine: one function per alternative of the expression, in its order.
struct GPT2Splitter: WordSplitter {
    let cursor: TextCursor
    let isolatesNumbers: Bool

    @inline(__always)
    func wordEnd(_ start: Int) -> Int {
        let contraction = cursor.contraction(start, ignoringCase: false)
        if contraction > 0 { return start + contraction }
        let afterSpace = cursor.text[start] == UInt8(ascii: " ") ? start + 1 : start
        guard afterSpace < cursor.end else { return cursor.end }
        let first = cursor.character(afterSpace)
        let second = afterSpace + first.length
        if first.kind.contains(.letter) { return cursor.skip(second, while: .letter) }
        if first.kind.contains(.number) {
            if isolatesNumbers { return afterSpace > start ? afterSpace : second }
            return cursor.skip(second, while: .number)
        }
        if !first.kind.contains(.whitespace) { return cursor.skip(second, until: TextCursor.word) }
        return whitespaceEnd(start)
    }

    /// \s+(?!\S)|\s+: white space leaves its last character to the word that follows. A number that is
    /// isolated was cut off before this expression looked, so it is like the end of the text.
    private func whitespaceEnd(_ start: Int) -> Int {
        var at = start
        var last = start
        while at < cursor.end {
            let character = cursor.character(at)
            if !character.kind.contains(.whitespace) {
                if isolatesNumbers && character.kind.contains(.number) { return at }
                break
            }
            last = at
            at += character.length
        }
        return at < cursor.end && last > start ? last : at
    }
}

/// `PreTokenizerRule.llama3` as a state machine.
struct Llama3Splitter: WordSplitter {
    let cursor: TextCursor
    let digitsMax: Int
    /// \p{L}, or [\p{L}\p{M}].
    let letters: UnicodeClass

    @inline(__always)
    func wordEnd(_ start: Int) -> Int {
        let contraction = cursor.contraction(start, ignoringCase: true)
        if contraction > 0 { return start + contraction }
        let byte = cursor.text[start]
        let first = cursor.character(start)
        let second = start + first.length
        if first.kind.contains(.number) { return numberEnd(second) }
        if byte != UInt8(ascii: "\n") && byte != UInt8(ascii: "\r") {
            // [^\r\n\p{L}\p{N}]?\p{L}+
            if !first.kind.isDisjoint(with: letters) { return cursor.skip(second, while: letters) }
            if second < cursor.end {
                let next = cursor.character(second)
                if !next.kind.isDisjoint(with: letters) {
                    return cursor.skip(second + next.length, while: letters)
                }
            }
        }
        let afterSpace = byte == UInt8(ascii: " ") ? second : start
        if afterSpace < cursor.end {
            let character = cursor.character(afterSpace)
            if character.kind.isDisjoint(with: letters.union([.number, .whitespace])) {
                return lineEnd(
                    cursor.skip(afterSpace + character.length, until: letters.union([.number, .whitespace])))
            }
        }
        return whitespaceEnd(start)
    }

    /// \p{N}{1,n}, of which the first is read.
    private func numberEnd(_ second: Int) -> Int {
        var at = second
        var count = 1
        while count < digitsMax && at < cursor.end {
            let character = cursor.character(at)
            if !character.kind.contains(.number) { break }
            at += character.length
            count += 1
        }
        return at
    }

    /// [\r\n]*
    private func lineEnd(_ start: Int) -> Int {
        var at = start
        while at < cursor.end
            && (cursor.text[at] == UInt8(ascii: "\r") || cursor.text[at] == UInt8(ascii: "\n"))
        {
            at += 1
        }
        return at
    }

    /// \s*[\r\n]+|\s+(?!\S)|\s+
    private func whitespaceEnd(_ start: Int) -> Int {
        var at = start
        var last = start
        var afterLineBreak = start
        while at < cursor.end {
            let character = cursor.character(at)
            if !character.kind.contains(.whitespace) { break }
            last = at
            at += character.length
            if cursor.text[last] == UInt8(ascii: "\r") || cursor.text[last] == UInt8(ascii: "\n") {
                afterLineBreak = at
            }
        }
        if afterLineBreak > start { return afterLineBreak }
        return at < cursor.end && last > start ? last : at
    }
}
