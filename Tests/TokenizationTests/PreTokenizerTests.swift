import Testing

@testable import Tokenization

@Suite("Cutting text into words")
struct PreTokenizerTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let text: String
        let words: [String]

        init(_ name: String, _ text: String, _ words: String) {
            self.name = name
            self.text = text
            // By bytes: a combining accent would join the bar before it.
            self.words = words.utf8.split(separator: UInt8(ascii: "|")).map {
                String(decoding: $0, as: UTF8.self)
            }
        }

        var testDescription: String { "\(name): \(text.debugDescription)" }
    }

    /// The words, with | between them.
    static let cases = [
        Case("gpt-2", "Hello world", "Hello| world"),
        Case("gpt-2", "  two   spaces ", " | two|  | spaces| "),
        Case("gpt-2", "I've they'LL", "I|'ve| they|'|LL"),
        Case("gpt-2", "abc123 456", "abc|123| 456"),
        Case("gpt-2", "a, b!? (c)", "a|,| b|!?| (|c|)"),
        Case("gpt-2", "line\n\n\tnext", "line|\n\n|\t|next"),
        Case("gpt-2", "naïve é", "naïve| é"),
        Case("smollm", "abc 123", "abc| |1|2|3"),
        Case("smollm", "a  12", "a|  |1|2"),
        Case("smollm", "x²", "x|²"),
        Case("llama-bpe", "I'LL don'T", "I|'LL| don|'T"),
        Case("llama-bpe", "12345 ٣٣٣٣", "123|45| |٣٣٣|٣"),
        Case("llama-bpe", "(word) /path", "(word|)| /|path"),
        Case("llama-bpe", "end.\n\nnext", "end|.\n\n|next"),
        Case("llama-bpe", " \n \n  x", " \n \n| | x"),
        Case("llama-bpe", "a   ", "a|   "),
        Case("llama-bpe", "\u{3000}全角", "\u{3000}全角"),
        Case("qwen2", "12345", "1|2|3|4|5"),
        Case("qwen2", "a\u{301}b", "a|\u{301}b"),
        Case("qwen35", "a\u{301}b", "a\u{301}b"),
        Case("deepseek-llm", "Hello, café 12", "Hello|,| caf|é| |12"),
        Case("deepseek-llm", "a\nb", "a|\n|b"),
        Case("deepseek-coder", "x = 42;\n", "x| = |4|2|;|\n"),
        Case("falcon", "don't 12345", "don|'|t| |123|45"),
        Case("falcon", "a+b == c", "a|+|b| |==| c"),
        Case("default", "x 1234!", "x| |123|4|!"),
    ]

    @Test("Words", arguments: cases)
    func words(_ item: Case) throws {
        let rule = try #require(PreTokenizer(named: item.name)).rule
        #expect(Self.words(rule, Array(item.text.utf8)) == item.words)
    }

    static let names = [
        "gpt-2", "smollm", "llama-bpe", "qwen35", "deepseek-llm", "deepseek-coder", "falcon", "default",
    ]

    @Test("Any bytes are cut without gaps, and every rule gets to the end", arguments: names)
    func anyBytesAreCut(_ name: String) throws {
        let rule = try #require(PreTokenizer(named: name)).rule
        var random = SplitMix(seed: 3)
        let alphabet: [UInt8] = [
            0x20, 0x0A, 0x0D, 0x27, 0x73, 0x41, 0x31, 0x2E, 0xC3, 0xA9, 0xE2, 0x96, 0x81, 0xF0, 0xFF, 0x80,
        ]
        for length in 0..<200 {
            let text = (0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] }
            var end = 0
            text.withUnsafeBufferPointer { text in
                guard let base = text.baseAddress else { return }
                rule.forEachWord(TextCursor(base, end: text.count)) { from, to in
                    #expect(from == end && to > from)
                    end = to
                }
            }
            #expect(end == text.count)
        }
    }

    @Test("A rule that is not built in is refused by name")
    func unknownRuleIsRefused() {
        #expect(PreTokenizer(named: "tekken-next") == nil)
        var source = TokenizerSource(model: "gpt2")
        source.preTokenizer = "tekken-next"
        source.tokens = FlatStrings(["a"])
        #expect(throws: TokenizerError.unsupportedPreTokenizer("tekken-next")) { try Tokenizer(source) }
    }

    private static func words(_ rule: PreTokenizerRule, _ text: [UInt8]) -> [String] {
        var words: [String] = []
        text.withUnsafeBufferPointer { text in
            guard let base = text.baseAddress else { return }
            rule.forEachWord(TextCursor(base, end: text.count)) { from, to in
                words.append(String(decoding: text[from..<to], as: UTF8.self))
            }
        }
        return words
    }
}
