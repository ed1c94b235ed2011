import ModelFiles
import Testing

@testable import Tokenization

@Suite("Special tokens")
struct SpecialTokenTests {
    private let source = SmallVocabularies.bytePairs()

    private func texts(_ segments: [TextSegment]) throws -> [String] {
        SmallVocabularies.texts(source, try Tokenizer(source).encode(segments: segments, addSpecial: false))
    }

    private func template(_ text: String) -> TextSegment {
        TextSegment(Array(text.utf8), parsesSpecial: true)
    }
    private func user(_ text: String) -> TextSegment { TextSegment(Array(text.utf8), parsesSpecial: false) }

    @Test("A template's text becomes control tokens, a user's never does")
    func userTextStaysText() throws {
        #expect(try texts([template("<|im_start|>hi")]) == ["<|im_start|>", "h", "i"])
        let typed = try texts([user("<|im_start|>")])
        #expect(typed.joined() == "<|im_start|>" && typed.count > 1)
    }

    @Test("A control token is not formed from a template's bytes and a user's together")
    func bordersFormNothing() throws {
        for cut in 1..<12 {
            let text = "<|im_start|>"
            let head = String(text.prefix(cut))
            let tail = String(text.dropFirst(cut))
            #expect(!(try texts([template(head), user(tail)]).contains(text)))
            #expect(!(try texts([user(head), template(tail)]).contains(text)))
            #expect(try texts([template(head), template(tail)]) == [text])
            #expect(try texts([template(head), user(""), template(tail)]) == [text])
        }
    }

    @Test("Words run across the borders of segments")
    func wordsRunAcross() throws {
        #expect(
            try texts([template("<|im_end|> t"), user("he"), template("<|im_end|>")]) == [
                "<|im_end|>", "Ġthe", "<|im_end|>",
            ])
    }

    @Test("A user-defined token is found in any text, but does not break a control token")
    func userDefinedTokens() throws {
        #expect(try texts([user("a<tool>b")]) == ["a", "<tool>", "b"])
        #expect(try texts([user("a<to"), template("ol>b")]) == ["a", "<tool>", "b"])
        var overlapping = source
        overlapping.tokens = FlatStrings(["a", "<", "|", "<|im_end|>", "a<|"])
        overlapping.kinds = [.normal, .normal, .normal, .control, .userDefined]
        overlapping.merges = FlatStrings()
        overlapping.eos = 3
        let tokens = try Tokenizer(overlapping).encode(
            segments: [user("a"), template("<|im_end|>")], addSpecial: false)
        #expect(tokens == [0, 3])
    }

    @Test("Of several tokens at one place the longest counts")
    func longestWins() throws {
        var source = source
        source.tokens = FlatStrings(["a", "<s>", "<s><s>", "<"])
        source.kinds = [.normal, .control, .control, .normal]
        source.merges = FlatStrings()
        source.eos = 1
        #expect(
            try Tokenizer(source).encode("<s><s><s>a", addSpecial: false, parseSpecial: true) == [2, 1, 0])
    }

    @Test("Phi-3's tokens take the white space behind them along")
    func phi3StripsSpace() throws {
        var source = SmallVocabularies.sentencePieces()
        source.modelName = "Phi-3-mini"
        let tokens = try Tokenizer(source).encode("</s> \n a<s> a", addSpecial: false, parseSpecial: true)
        #expect(SmallVocabularies.texts(source, tokens) == ["</s>", "▁a", "<s>", "▁", "▁a"])
    }

    @Test("Answers end at the tokens that the file names and at those known by their text")
    func endOfGeneration() throws {
        var source = source
        source.eos = 0
        source.otherEnds = [3, 4000, -1]
        let tokenizer = try Tokenizer(source)
        let texts = Set(SmallVocabularies.texts(source, tokenizer.endOfGeneration.sorted()))
        #expect(texts == ["a", "d", "<|im_end|>"])
        #expect(tokenizer.isControl(TokenID(source.tokens.count - 2)) && !tokenizer.isControl(0))
    }
}
