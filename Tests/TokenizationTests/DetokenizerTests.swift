import ModelFiles
import Testing

@testable import Tokenization

@Suite("Tokens to text")
struct DetokenizerTests {
    @Test(
        "Increments are whole characters, and together the repaired full text", arguments: GoldenTests.names)
    func incrementsAddUp(_ name: String) throws {
        guard let tokenizer = try GoldenFiles.tokenizer(name) else { return }
        var random = SplitMix(seed: 7)
        for special in [false, true] {
            for _ in 0..<60 {
                let tokens = (0..<40).map { _ in
                    TokenID.random(in: -1...TokenID(tokenizer.vocabularyCount), using: &random)
                }
                expectIncrementsAddUp(tokenizer, tokens, special: special)
            }
        }
    }

    @Test("Text comes back from its tokens", arguments: GoldenTests.names.filter { $0 != "bert-bge" })
    func textSurvives(_ name: String) throws {
        guard let tokenizer = try GoldenFiles.tokenizer(name) else { return }
        for string in GoldenFiles.strings {
            let tokens = tokenizer.encode(string, addSpecial: false, parseSpecial: false)
            #expect(tokenizer.decode(tokens) == Array(string.utf8), "\(string.debugDescription)")
            expectIncrementsAddUp(tokenizer, tokens, special: false)
        }
    }

    private func expectIncrementsAddUp(_ tokenizer: Tokenizer, _ tokens: [TokenID], special: Bool) {
        var detokenizer = IncrementalDetokenizer(tokenizer, special: special, continuesText: false)
        var text: [UInt8] = []
        for token in tokens {
            let increment = detokenizer.append(token)
            #expect(String(validating: increment, as: UTF8.self) != nil, "half a character: \(increment)")
            #expect(detokenizer.pendingBytes <= 3)
            text += increment
        }
        text += detokenizer.finish()
        let full = String(decoding: tokenizer.decode(tokens, special: special), as: UTF8.self)
        #expect(text == Array(full.utf8), "\(tokens)")
    }
}

/// The same numbers in every run.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}
