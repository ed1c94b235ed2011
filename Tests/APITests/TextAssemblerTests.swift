import Engine
import Testing

@testable import API

@Suite struct TextAssemblerTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func `tokens go out with the last byte of their text`() {
        var assembler = TextAssembler(stops: [bytes("STOP")])
        let first = assembler.append(AnswerToken(token: 1), piece: bytes("a ST"))
        #expect(first.text == bytes("a "))
        #expect(first.tokens.isEmpty)
        let second = assembler.append(AnswerToken(token: 2), piece: bytes("ART"))
        #expect(second.text == bytes("START"))
        #expect(second.tokens.map(\.token) == [1, 2])
        #expect(second.tokens.map(\.characterOffset) == [0, 4])
    }

    @Test func `the tokens of one character go out together`() {
        var assembler = TextAssembler(stops: [])
        #expect(assembler.append(AnswerToken(token: 1), piece: [], isPartial: true).isEmpty)
        let done = assembler.append(AnswerToken(token: 2), piece: bytes("é"))
        #expect(done.text == bytes("é"))
        #expect(done.tokens.map(\.token) == [1, 2])
        let next = assembler.append(AnswerToken(token: 3), piece: bytes("x"))
        #expect(next.tokens[0].characterOffset == 1)
    }

    @Test func `tokens behind the cut count but do not show`() {
        var assembler = TextAssembler(stops: [bytes("\n\n")])
        _ = assembler.append(AnswerToken(token: 1), piece: bytes("one"))
        #expect(assembler.append(AnswerToken(token: 2), piece: bytes(".\n")).text == bytes("."))
        let last = assembler.append(AnswerToken(token: 3), piece: bytes("\nmore"))
        #expect(last.isStopped)
        #expect(last.text.isEmpty)
        #expect(last.tokens.map(\.isShown) == [true, false])
    }

    @Test func `a stop string may be part of the text`() {
        var assembler = TextAssembler(stops: [bytes("\n\n")], includesStop: true)
        _ = assembler.append(AnswerToken(token: 1), piece: bytes("one"))
        #expect(assembler.append(AnswerToken(token: 2), piece: bytes(".\n")).text == bytes("."))
        let last = assembler.append(AnswerToken(token: 3), piece: bytes("\nmore"))
        #expect(last.isStopped)
        #expect(last.text == bytes("\n\n"))
        #expect(last.tokens.map(\.isShown) == [true, true])
    }

    @Test func `stop strings do not count before the least number of tokens`() {
        var assembler = TextAssembler(stops: [bytes("xx")], tokensMin: 2)
        #expect(assembler.append(AnswerToken(token: 1), piece: bytes("axx")).text == bytes("axx"))
        #expect(assembler.append(AnswerToken(token: 2), piece: bytes("x")).text == bytes("x"))
        #expect(!assembler.append(AnswerToken(token: 3), piece: bytes("x")).isStopped)
        let last = assembler.append(AnswerToken(token: 4), piece: bytes("x."))
        #expect(last.isStopped && last.text.isEmpty)
    }

    @Test func `a token without text goes out at once`() {
        var assembler = TextAssembler(stops: [bytes("x")])
        #expect(assembler.append(AnswerToken(token: 1), piece: []).tokens.map(\.token) == [1])
    }

    @Test func `half a character of a stop string does not show`() {
        var assembler = TextAssembler(stops: [bytes("é")])
        _ = assembler.append(AnswerToken(token: 1), piece: bytes("a"))
        _ = assembler.append(AnswerToken(token: 2), piece: [], isPartial: true)
        let last = assembler.append(AnswerToken(token: 3), piece: bytes("é"))
        #expect(last.isStopped && last.tokens.map(\.isShown) == [false, false])
    }

    @Test func `held text is not lost at the end`() {
        var assembler = TextAssembler(stops: [bytes("STOP")])
        #expect(assembler.append(AnswerToken(token: 1), piece: bytes("STO")).isEmpty)
        let end = assembler.finish(rest: bytes("\u{FFFD}"), last: 7)
        #expect(end.text == bytes("STO\u{FFFD}"))
        #expect(end.tokens.map(\.token) == [1, 7])
        #expect(end.tokens.map(\.isShown) == [true, false])
    }

    @Test func `the rest of the detokenizer may complete a stop string`() {
        var assembler = TextAssembler(stops: [bytes("STOP")])
        _ = assembler.append(AnswerToken(token: 1), piece: bytes("go STO"))
        let end = assembler.finish(rest: bytes("P"), last: nil)
        #expect(end.isStopped)
        #expect(end.text.isEmpty)
    }
}
