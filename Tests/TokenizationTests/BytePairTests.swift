import ModelFiles
import Testing

@testable import Tokenization

@Suite("Byte pairs")
struct BytePairTests {
    @Test(
        "Merges apply in the order of their ranks",
        arguments: [
            (" the", "Ġt he"), ("the", "t he"), ("thin", "th in"), ("é", "Ã©"), ("hello", "he ll o"),
            ("ll ll", "ll Ġ ll"),
            ("a\nb", "a Ċ b"),
        ])
    func mergesApplyByRank(_ text: String, _ wanted: String) throws {
        var source = SmallVocabularies.bytePairs()
        // Without it " the" would end as one token.
        source.merges = FlatStrings(["Ġ t", "h e", "t h", "th e", "l l", "Ã ©", "i n"])
        let tokens = try Tokenizer(source).encode(text, addSpecial: false, parseSpecial: false)
        #expect(SmallVocabularies.texts(source, tokens).joined(separator: " ") == wanted)
    }

    @Test("Short and long words equal the definition, pair by pair")
    func mergingEqualsTheDefinition() throws {
        var random = SplitMix(seed: 11)
        for _ in 0..<30 {
            let source = Self.randomVocabulary(&random)
            let tokenizer = try Tokenizer(source)
            for length in [1, 2, 3, 7, 20, 47, 48, 49, 60, 150] {
                let word = (0..<length).map { _ in "abc".randomElement(using: &random) ?? "a" }
                let tokens = tokenizer.encode(String(word), addSpecial: false, parseSpecial: false)
                #expect(
                    SmallVocabularies.texts(source, tokens) == Self.definition(source, word.map(String.init)))
            }
        }
    }

    /// Merges of what earlier merges made, in random order, some twice, some whose result is no token.
    private static func randomVocabulary(_ random: inout SplitMix) -> TokenizerSource {
        var source = TokenizerSource(model: "gpt2")
        source.preTokenizer = "gpt-2"
        var texts = ["a", "b", "c"]
        var merges: [String] = []
        for _ in 0..<25 {
            let left = texts.randomElement(using: &random) ?? "a"
            let right = texts.randomElement(using: &random) ?? "a"
            guard left.count + right.count < 12 else { continue }
            merges.append("\(left) \(right)")
            if !texts.contains(left + right) { texts.append(left + right) }
        }
        merges.shuffle(using: &random)
        source.tokens = FlatStrings(texts)
        source.merges = FlatStrings(merges)
        return source
    }

    /// Byte pair encoding as it is defined: again and again, merge the leftmost of the pairs with the lowest
    /// rank.
    private static func definition(_ source: TokenizerSource, _ word: [String]) -> [String] {
        let merges = (0..<source.merges.count).map { String(decoding: source.merges[$0], as: UTF8.self) }
        var parts = word
        while true {
            let ranks = zip(parts, parts.dropFirst()).map { merges.firstIndex(of: "\($0) \($1)") ?? .max }
            guard let best = ranks.min(), best != .max, let place = ranks.firstIndex(of: best) else {
                return parts
            }
            parts[place...place + 1] = [parts[place] + parts[place + 1]]
        }
    }

    @Test("A merge whose result is no token falls apart into bytes")
    func strayMergesFallApart() throws {
        var source = SmallVocabularies.bytePairs()
        source.merges = FlatStrings(["x y", "nospace", "", " ", "xy z", "Ж q", "a b"])
        let tokens = try Tokenizer(source).encode("xyz ab", addSpecial: false, parseSpecial: false)
        #expect(SmallVocabularies.texts(source, tokens) == ["x", "y", "z", "Ġ", "a", "b"])
    }

    @Test("Where merges are ignored, a word that is a token is that token")
    func wholeWordsWin() throws {
        var source = SmallVocabularies.bytePairs()
        source.merges = FlatStrings()
        source.preTokenizer = "llama-bpe"
        source.bos = 0
        let tokens = try Tokenizer(source).encode(" the in", addSpecial: false, parseSpecial: false)
        #expect(SmallVocabularies.texts(source, tokens) == ["Ġthe", "Ġ", "i", "n"])
    }
}
