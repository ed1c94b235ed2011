import ModelFiles
import Testing

@testable import Tokenization

@Suite("SentencePiece")
struct SentencePieceTests {
    @Test(
        "Pieces with the highest score come first",
        arguments: [
            ("hello", "▁ he l lo"), ("abc", "▁a bc"), ("bca", "▁ bc a"), (" a", "▁ ▁a"), ("lo", "▁ lo"),
            ("hell", "▁ hell"),
            ("é", "▁ <0xC3> <0xA9>"),
        ])
    func piecesByScore(_ text: String, _ wanted: String) throws {
        let source = SmallVocabularies.sentencePieces()
        let tokens = try Tokenizer(source).encode(text, addSpecial: false, parseSpecial: false)
        #expect(SmallVocabularies.texts(source, tokens).joined(separator: " ") == wanted)
    }

    @Test("The space in front follows the file, and special tokens")
    func spacePrefix() throws {
        let with = SmallVocabularies.sentencePieces()
        let without = SmallVocabularies.sentencePieces(spacePrefix: false)
        let tokens = try Tokenizer(with).encode("a</s>a", addSpecial: true, parseSpecial: true)
        #expect(SmallVocabularies.texts(with, tokens) == ["<s>", "▁a", "</s>", "▁a"])
        let plain = try Tokenizer(without).encode("a</s>a", addSpecial: true, parseSpecial: true)
        #expect(SmallVocabularies.texts(without, plain) == ["<s>", "a", "</s>", "a"])
        #expect(try Tokenizer(with).encode("", addSpecial: true, parseSpecial: true) == [1])
    }

    @Test("A typed <0x0A> is text, not a line break; a typed </s> ends nothing")
    func typedTokensAreText() throws {
        let tokenizer = try Tokenizer(SmallVocabularies.sentencePieces())
        for text in ["<0x0A>", "</s>", "<unk>"] {
            let tokens = tokenizer.encode(text, addSpecial: false, parseSpecial: false)
            #expect(tokens.count >= text.count)
            #expect(String(decoding: tokenizer.decode(tokens), as: UTF8.self) == text)
        }
    }

    @Test("Cutting at borders and merging through buckets equals the definition")
    func mergingEqualsTheDefinition() throws {
        var random = SplitMix(seed: 5)
        for _ in 0..<40 {
            let source = Self.randomVocabulary(&random)
            let tokenizer = try Tokenizer(source)
            for length in [1, 2, 5, 12, 30, 100] {
                let text = String((0..<length).map { _ in "aabbc  é".randomElement(using: &random) ?? "a" })
                let tokens = tokenizer.encode(text, addSpecial: false, parseSpecial: false)
                #expect(
                    SmallVocabularies.texts(source, tokens) == Self.definition(source, text),
                    "\(text.debugDescription)")
            }
        }
    }

    /// Few different scores, so that many pairs tie.
    private static func randomVocabulary(_ random: inout SplitMix) -> TokenizerSource {
        var source = TokenizerSource(model: "llama")
        var texts = ["a", "b", "c", "▁", "é"]
        for _ in 0..<25 {
            let text =
                (texts.randomElement(using: &random) ?? "a") + (texts.randomElement(using: &random) ?? "b")
            if text.count < 8 && !texts.contains(text) { texts.append(text) }
        }
        source.tokens = FlatStrings(texts)
        source.scores = texts.map { _ in Float(Int.random(in: -3...0, using: &random)) }
        source.addsSpacePrefix = false
        source.addsBOS = false
        return source
    }

    private static func definition(_ source: TokenizerSource, _ text: String) -> [String] {
        var scores: [String: Float] = [:]
        for id in 0..<source.tokens.count {
            scores[String(decoding: source.tokens[id], as: UTF8.self)] = source.scores[id]
        }
        var parts = text.map { $0 == " " ? "▁" : String($0) }
        while true {
            let pairs = zip(parts, parts.dropFirst()).map { scores[$0 + $1] ?? -.infinity }
            guard let best = pairs.max(), best > -.infinity, let place = pairs.firstIndex(of: best) else {
                return parts
            }
            parts[place...place + 1] = [parts[place] + parts[place + 1]]
        }
    }
}
