/// What BERT makes of a character before it looks words up. Source: `BertNormalizer` and `BertPreTokenizer`
/// of huggingface/tokenizers, as llama.cpp carries them out.
struct WordNormalizer: Sendable {
    enum Effect: Equatable {
        /// It ends the word.
        case space
        /// It is dropped; the word goes on.
        case nothing
        /// It is part of the word.
        case letter(UInt32)
        /// It is a word of its own.
        case word(UInt32)
    }

    var lowercases = true
    var stripsAccents = true
    private let unicode = UnicodeData.shared

    init(lowercases: Bool, stripsAccents: Bool) {
        self.lowercases = lowercases
        self.stripsAccents = stripsAccents
    }

    @inline(__always)
    func effect(of character: UInt32) -> Effect {
        let codePoint = stripsAccents ? unicode.base(of: character) : character
        let kind = unicode.classOf(codePoint)
        if kind.contains(.whitespace) { return .space }
        if codePoint == 0 || codePoint == UnicodeData.replacement || kind.contains(.control) {
            return .nothing
        }
        if stripsAccents && kind.contains(.mark) { return .nothing }
        let written = lowercases ? unicode.lowercased(codePoint) : codePoint
        let standsAlone = kind.contains(.punctuation) || (codePoint < 0x7F && kind.contains(.symbol))
        return standsAlone || Self.isChinese(codePoint) ? .word(written) : .letter(written)
    }

    /// The blocks that BERT writes without spaces. U+2B820 – U+2B91F are missing there too.
    private static func isChinese(_ codePoint: UInt32) -> Bool {
        switch codePoint {
        case 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x2A6DF, 0x2A700...0x2B73F,
            0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0x2F800...0x2FA1F:
            true
        default:
            false
        }
    }
}
