/// The text that a splitter walks over, with the class of each character.
struct TextCursor {
    let text: UnsafePointer<UInt8>
    /// One past the last byte that may be looked at.
    let end: Int
    private let unicode = UnicodeData.shared

    static let word: UnicodeClass = [.letter, .number, .whitespace]

    init(_ text: UnsafePointer<UInt8>, end: Int) {
        self.text = text
        self.end = end
    }

    struct Character {
        var kind: UnicodeClass
        var length: Int
    }

    /// The class and length of the character at `at`, which is before the end.
    @inline(__always)
    func character(_ at: Int) -> Character {
        let byte = text[at]
        if byte < 0x80 { return Character(kind: unicode.asciiClass(byte), length: 1) }
        let scalar = UTF8Bytes.multibyte(text, at, end)
        return Character(kind: unicode.classOf(scalar.codePoint), length: scalar.length)
    }

    /// Where the run of characters of any of these classes ends that starts at `at`.
    @inline(__always)
    func skip(_ at: Int, while kinds: UnicodeClass) -> Int {
        var at = at
        while at < end {
            let character = character(at)
            if character.kind.isDisjoint(with: kinds) { break }
            at += character.length
        }
        return at
    }

    /// Where the run of characters of none of these classes ends.
    @inline(__always)
    func skip(_ at: Int, until kinds: UnicodeClass) -> Int {
        var at = at
        while at < end {
            let character = character(at)
            if !character.kind.isDisjoint(with: kinds) { break }
            at += character.length
        }
        return at
    }

    /// The bytes of an English contraction that starts at `at`: 's 't 'm 'd 're 've 'll; 0 if there is none.
    @inline(__always)
    func contraction(_ at: Int, ignoringCase: Bool) -> Int {
        guard text[at] == UInt8(ascii: "'"), at + 1 < end else { return 0 }
        let fold: UInt8 = ignoringCase ? 0x20 : 0
        let first = text[at + 1] | fold
        switch first {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return 2
        case UInt8(ascii: "r"), UInt8(ascii: "v"):
            return at + 2 < end && text[at + 2] | fold == UInt8(ascii: "e") ? 3 : 0
        case UInt8(ascii: "l"):
            return at + 2 < end && text[at + 2] | fold == UInt8(ascii: "l") ? 3 : 0
        default: return 0
        }
    }
}
