import ModelFiles
import Testing

@testable import Tokenization

@Suite("Fill in the middle")
struct FillInMiddleTests {
    @Test("A file's ids are taken, else the tokens with known names")
    func idsAndNames() throws {
        var source = SmallVocabularies.bytePairs()
        #expect(FillInMiddle(source) == nil)
        source.fillInMiddle = [1, 2, 3]
        #expect(FillInMiddle(source)?.prompt(before: [8, 9], behind: [7]) == [1, 8, 9, 2, 7, 3])
        let tool = TokenID(source.tokens.count - 1)
        let texts = (0..<source.tokens.count).map { String(decoding: source.tokens[$0], as: UTF8.self) }
        source.tokens = FlatStrings(texts + ["<fim_suffix>", "<fim_middle>", "<fim_prefix>"])
        #expect(FillInMiddle(source)?.prompt(before: [], behind: []) == [1, 2, 3])
        source.fillInMiddle = [nil, nil, nil]
        #expect(
            FillInMiddle(source)?.prompt(before: [], behind: []) == [tool + 3, tool + 1, tool + 2])
        source.fillInMiddle = [TokenID.max, nil, nil]
        #expect(FillInMiddle(source)?.prompt(before: [], behind: []).first == tool + 3)
    }

    @Test("Two of three are not enough")
    func allThree() {
        var source = SmallVocabularies.bytePairs()
        source.fillInMiddle = [1, nil, 3]
        #expect(FillInMiddle(source) == nil)
    }
}
