import Engine
import ModelFiles
import Tokenization

/// A prompt that stands before its answers (`echo`).
struct EchoedPrompt: Sendable {
    let text: [UInt8]
    /// Unicode scalars of the text.
    let characterCount: Int
    /// The prompt's tokens with their places in the text. The first has no log-probability.
    private(set) var tokens: [AnswerToken] = []
    private var knownCount = 1

    init(text: [UInt8], prompt: [TokenID], _ tokenizer: Tokenizer) {
        self.text = text
        characterCount = Self.characterCount(text)
        var detokenizer = IncrementalDetokenizer(tokenizer, continuesText: false)
        var offset = 0
        for token in prompt {
            tokens.append(AnswerToken(token: token, characterOffset: min(offset, characterCount)))
            offset += Self.characterCount(detokenizer.append(token))
        }
    }

    /// - Parameter alternatives: how many of them are shown.
    mutating func add(_ more: [PromptToken], alternatives: Int) {
        for token in more where knownCount < tokens.count {
            tokens[knownCount].logprob = token.logprob
            tokens[knownCount].alternatives = Array(token.alternatives.prefix(alternatives))
            knownCount += 1
        }
    }

    /// Continuation bytes are 10xxxxxx.
    private static func characterCount(_ text: [UInt8]) -> Int { text.count { $0 & 0xC0 != 0x80 } }
}
