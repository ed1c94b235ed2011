import ModelFiles
import Testing

@testable import Tokenization

@Suite("Golden tokens: the reference's, exactly")
struct GoldenTests {
    static let names = GoldenFiles.vocabularies + GoldenFiles.models.keys.sorted()

    @Test("Every vocabulary gives the reference's tokens", arguments: names)
    func tokensEqualTheReference(_ name: String) throws {
        guard let tokenizer = try GoldenFiles.tokenizer(name) else {
            print("skipped: no vocabulary for \(name); set APUS_VOCAB or APUS_MODELS to its folder")
            return
        }
        let plain = try GoldenFiles.tokens(name, "plain")
        let special = try GoldenFiles.tokens(name, "special")
        #expect(GoldenFiles.strings.count == 34 && plain.count == 34 && special.count == 34)
        for (index, string) in GoldenFiles.strings.enumerated() {
            #expect(
                tokenizer.encode(string, addSpecial: false, parseSpecial: false) == plain[index],
                "plain \(index): \(string.debugDescription)")
            #expect(
                tokenizer.encode(string, addSpecial: true, parseSpecial: true) == special[index],
                "special \(index): \(string.debugDescription)")
        }
    }
}
