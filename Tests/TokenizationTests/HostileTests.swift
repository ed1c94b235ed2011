import ModelFiles
import Testing

@testable import Tokenization

@Suite("Hostile files and texts")
struct HostileTests {
    private func reason(_ change: (inout TokenizerSource) -> Void) -> String? {
        var source = SmallVocabularies.bytePairs()
        change(&source)
        do throws(TokenizerError) {
            _ = try Tokenizer(source)
            return nil
        } catch {
            return error.description
        }
    }

    @Test("A broken vocabulary is an error that names the key")
    func brokenVocabulariesAreNamed() {
        let count = SmallVocabularies.bytePairs().tokens.count
        #expect(reason { $0.tokens = FlatStrings() }?.contains("tokenizer.ggml.tokens") == true)
        #expect(reason { $0.kinds.removeLast() }?.contains("tokenizer.ggml.token_type") == true)
        #expect(reason { $0.scores = [1] }?.contains("tokenizer.ggml.scores") == true)
        #expect(reason { $0.eos = TokenID(count) }?.contains("tokenizer.ggml.eos_token_id") == true)
        #expect(reason { $0.bos = -1 }?.contains("tokenizer.ggml.bos_token_id") == true)
        #expect(reason { $0.addsBOS = true }?.contains("tokenizer.ggml.bos_token_id") == true)
        #expect(reason { $0.model = "rwkv" }?.contains("tokenizer.ggml.model") == true)
        #expect(
            reason {
                $0.tokens.append(Array(repeating: UInt8(ascii: "x"), count: SpecialTokens.textBytesMax + 1))
                $0.kinds.append(.control)
            }?.contains("tokenizer.ggml.tokens") == true)
        #expect(
            reason {
                $0.tokens.append(Array(repeating: UInt8(ascii: "x"), count: SpecialTokens.textBytesMax))
                $0.kinds.append(.control)
            } == nil)
    }

    @Test(
        "Empty and double tokens, and tokens that are no text, do no harm",
        arguments: ["gpt2", "llama", "bert"])
    func oddTokensDoNoHarm(_ model: String) throws {
        var source = TokenizerSource(model: model)
        for text in [
            [], [0x61], [0x61], [0xFF, 0xFE], [0xE2, 0x96], [], Array("<0x".utf8), Array("<0xZZ>".utf8),
        ] as [[UInt8]] {
            source.tokens.append(text)
        }
        source.kinds = [.control, .normal, .normal, .normal, .userDefined, .userDefined, .byte, .byte]
        source.scores = [.nan, .infinity, -.infinity, 0, -0.0, 1, 2, 3]
        source.merges = FlatStrings(["a a", "a", "", "a ", " a"])
        source.bos = 1
        source.separator = 1
        let tokenizer = try Tokenizer(source)
        var random = SplitMix(seed: 2)
        for length in 0..<100 {
            let text = (0..<length).map { _ in
                [0x61, 0x20, 0xE2, 0x96, 0x81, 0xFF, 0x3C].randomElement(using: &random) ?? 0 as UInt8
            }
            let tokens = tokenizer.encode(text, addSpecial: true, parseSpecial: true)
            #expect(tokens.allSatisfy { $0 >= 0 && Int($0) < tokenizer.vocabularyCount })
            _ = tokenizer.decode(tokens, special: true)
        }
        #expect(tokenizer.bytes(of: -1).isEmpty && tokenizer.bytes(of: .max, special: true).isEmpty)
    }

    static let floods = ["a", " ", "\n", "7", "é", "😁", "<|im_start|", "the ", "'", "a\u{301}"]

    @Test(
        "A flood of one thing takes its length's time",
        arguments: ["small", "smollm2", "gemma3", "llama-bpe"])
    func floodsAreLinear(_ name: String) throws {
        let found =
            name == "small" ? try Tokenizer(SmallVocabularies.bytePairs()) : try GoldenFiles.tokenizer(name)
        guard let tokenizer = found else { return }
        for flood in Self.floods {
            let bytes = Array(flood.utf8)
            let text = (0..<40_000).map { bytes[$0 % bytes.count] }
            let time = ContinuousClock().measure {
                _ = tokenizer.encode(text, addSpecial: true, parseSpecial: true)
            }
            // Unoptimised, on a busy machine: a quadratic way would take minutes.
            #expect(time < .seconds(20), "\(flood.debugDescription) took \(time)")
        }
    }

    @Test("Many threads may encode at once")
    func manyThreads() async throws {
        let tokenizer = try Tokenizer(SmallVocabularies.bytePairs())
        let text = "hello the thin 123 <tool> é "
        let wanted = tokenizer.encode(text, addSpecial: false, parseSpecial: true)
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<16 {
                group.addTask {
                    (0..<20).allSatisfy { _ in
                        tokenizer.encode(text, addSpecial: false, parseSpecial: true) == wanted
                    }
                }
            }
            for await isEqual in group { #expect(isEqual) }
        }
    }
}
