import Testing

@testable import API

@Suite struct StopMatcherTests {
    /// Feeds `text` in the pieces that end at `cuts` and returns what was shown, and the stop string found.
    private func run(_ text: String, stops: [String], cuts: [Int]) -> (shown: String, stop: String?) {
        let bytes = Array(text.utf8)
        var matcher = StopMatcher(stops: stops.map { Array($0.utf8) })
        var shown: [UInt8] = []
        var start = 0
        for cut in cuts + [bytes.count] {
            let step = matcher.append(Array(bytes[start..<cut]))
            start = cut
            shown += step.released
            if let stop = step.matched {
                return (String(decoding: shown, as: UTF8.self), String(decoding: stop, as: UTF8.self))
            }
        }
        return (String(decoding: shown + matcher.finish(), as: UTF8.self), nil)
    }

    @Test(
        arguments: [
            ("say STOP now", ["STOP"], "say ", "STOP"),
            ("say STO now", ["STOP"], "say STO now", nil),
            ("ababac!", ["abac"], "ab", "abac"),
            ("aaab", ["aab"], "a", "aab"),
            // The one that is complete first wins, of those that end together the longest.
            ("abcd", ["abcd", "bc"], "a", "bc"),
            ("xabc", ["bc", "abc", "c"], "x", "abc"),
            ("abcabd", ["abd", "cab"], "ab", "cab"),
            ("", ["x"], "", nil),
            ("no stops at all", [], "no stops at all", nil),
            ("\n\nUser:", ["\nUser:"], "\n", "\nUser:"),
            ("héé∎", ["é∎"], "hé", "é∎"),
        ] as [(String, [String], String, String?)])
    func `the result is the same however the text is cut`(
        text: String, stops: [String], shown: String, stop: String?
    ) {
        let count = text.utf8.count
        for first in 0...count {
            for second in first...count {
                let result = run(text, stops: stops, cuts: [first, second])
                #expect(result.shown == shown)
                #expect(result.stop == stop)
            }
        }
        let bytewise = run(text, stops: stops, cuts: Array(0..<count))
        #expect(bytewise.shown == shown)
        #expect(bytewise.stop == stop)
    }

    @Test func `only what may begin a stop string is held back`() {
        var matcher = StopMatcher(stops: [Array("STOP".utf8)])
        #expect(matcher.append(Array("a S".utf8)).released == Array("a ".utf8))
        #expect(matcher.append(Array("T".utf8)).released == [])
        #expect(matcher.append(Array("S".utf8)).released == Array("ST".utf8))
        #expect(matcher.finish() == Array("S".utf8))
    }

    @Test func `random texts over two letters agree with a plain search`() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            let letters = (0..<20).map { _ in Bool.random(using: &generator) ? "a" : "b" }.joined()
            let stops = (0..<3).map { _ in
                (0..<Int.random(in: 1...5, using: &generator))
                    .map { _ in Bool.random(using: &generator) ? "a" : "b" }.joined()
            }
            let result = run(letters, stops: stops, cuts: [5, 6, 13])
            let expected = plainSearch(letters, stops: stops)
            #expect(result.shown == expected.shown, "\(letters) with \(stops)")
            #expect(result.stop == expected.stop, "\(letters) with \(stops)")
        }
    }

    private func plainSearch(_ text: String, stops: [String]) -> (shown: String, stop: String?) {
        for end in 1...text.count {
            let seen = text.prefix(end)
            let found = stops.filter { seen.hasSuffix($0) }.max { $0.count < $1.count }
            if let found { return (String(seen.dropLast(found.count)), found) }
        }
        return (text, nil)
    }
}
