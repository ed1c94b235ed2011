import ModelFiles
import Testing

@testable import Tokenization

@Suite("WordPiece")
struct WordPieceTests {
    @Test(
        "Words are normalised, and covered by the longest pieces",
        arguments: [
            ("Hello, WORLDLY", "▁hello ▁, ▁world ly"), ("hello\u{301}", "▁hello"), ("中a中b", "▁中 ▁a ▁中 [UNK]"),
            ("ab", "▁a b"), ("abx hello", "[UNK] ▁hello"), ("  \t\n", ""), ("he\u{200B}llo\u{0}", "▁hello"),
            ("[CLS]", "[UNK] [UNK] [UNK]"),
        ])
    func wordsAreCovered(_ text: String, _ wanted: String) throws {
        let source = SmallVocabularies.wordPieces()
        let tokens = try Tokenizer(source).encode(text, addSpecial: false, parseSpecial: false)
        #expect(SmallVocabularies.texts(source, tokens).joined(separator: " ") == wanted)
    }

    @Test("A text is framed when asked, and decodes with spaces between words")
    func frameAndDecode() throws {
        let tokenizer = try Tokenizer(SmallVocabularies.wordPieces())
        let tokens = tokenizer.encode("Hello worldly", addSpecial: true, parseSpecial: false)
        #expect(tokens.first == 2 && tokens.last == 3)
        #expect(String(decoding: tokenizer.decode(tokens), as: UTF8.self) == "hello worldly")
    }
}
