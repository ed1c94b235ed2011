import JSON
import Testing

@testable import Chat

/// What every format has in common: text goes through, broken calls are text, little is held.
@Suite("Broken and ordinary output")
struct AnswerParserTests {
    static func parse(_ template: String, _ output: String, prompt: String = "") -> [String] {
        AnswerFormatTests.read(AnswerSample(template, output, prompt: prompt), output.utf8.map { [$0] })
    }

    private static let qwen = "Qwen-Qwen2.5-7B-Instruct"

    @Test("text without calls passes unchanged", arguments: GoldenTests.templates)
    func passes(_ golden: GoldenTemplate) {
        let text = "  A <b>bold</b> claim: 1 < 2 > 0, [x], {y}, <｜, <|, `code`,\n\n<tool_cal, <thin, 🤖 é\n"
        #expect(Self.parse(golden.name, text) == ["C " + text])
    }

    @Test("text is held only as long as it may be a marker")
    func holdsLittle() {
        let sample = AnswerSample(Self.qwen, "")
        var parser = AnswerFormatTests.parser(sample)
        #expect(parser.append("Hello".utf8) == [.content(Array("Hello".utf8))])
        #expect(parser.append(" <tool".utf8) == [])
        #expect(parser.append("s>".utf8) == [.content(Array(" <tools>".utf8))])
        #expect(parser.append("x<".utf8) == [.content(Array("x".utf8))])
        #expect(parser.append("y".utf8) == [.content(Array("<y".utf8))])
    }

    @Test("arguments go out as they come")
    func streams() {
        var parser = AnswerFormatTests.parser(AnswerSample(Self.qwen, ""))
        #expect(parser.append("<tool_call>{\"name\": \"now\"".utf8) == [.callBegins(name: "now", id: nil)])
        #expect(parser.append(", \"arguments\": {\"a".utf8) == [.arguments(Array("{\"a".utf8))])
        #expect(parser.append("\": 1".utf8) == [.arguments(Array("\": 1".utf8))])
        #expect(parser.append("}}</tool_call>".utf8) == [.arguments(Array("}".utf8)), .callEnds])
        var tagged = AnswerFormatTests.parser(AnswerSample("Qwen3-Coder", ""))
        #expect(
            tagged.append("<tool_call><function=get_weather><parameter=city>\nNew".utf8)
                == [.callBegins(name: "get_weather", id: nil), .arguments(Array("{\"city\": \"New".utf8))])
        #expect(tagged.append(" York\n</p".utf8) == [.arguments(Array(" York".utf8))])
        #expect(tagged.append("ost".utf8) == [.arguments(Array("\\n</post".utf8))])
    }

    @Test(
        "what only looks like a call is content to the last character",
        arguments: [
            "<tool_call>", "<tool_call></tool_call>", "<tool_call>\nnothing",
            "<tool_call>{\"name\": 5}</tool_call>",
            "<tool_call>{\"arguments\": {\"a\": 1}}</tool_call>", "<tool_call>{\"name\": \"\"}",
            "<tool_call>{\"name\": \"no", "a <tool_call> b", "a\n<tool_call>{]",
            "<tool_call>{\"name\" \"x\"}",
            "<tool_call>[", "x <tool_call>{\"na",
        ])
    func degrades(text: String) {
        #expect(Self.parse(Self.qwen, text) == ["C " + text])
    }

    @Test("tags that make no call are content")
    func degradesTagged() {
        for text in [
            "<tool_call>\n<function=", "<tool_call>\n<parameter=a>",
            "<tool_call>{\"name\": \"now\"}</tool_call>",
            "<tool_call>\n<function={\"x>", "<tool_call>hello",
        ] {
            #expect(Self.parse("Qwen3-Coder", text) == ["C " + text])
        }
        for text in [
            "<|tool_call>", "<|tool_call>call", "<|tool_call>call:f<x", "<|tool_call>{}<tool_call|>",
        ] {
            #expect(Self.parse("google-gemma-4-31B-it", text) == ["C " + text])
        }
        for text in ["[TOOL_CALLS]", "[TOOL_CALLS]now", "[TOOL_CALLS]now[CALL_ID", "[TOOL_CALLS]a b[ARGS]{}"]
        {
            #expect(Self.parse("Mistral-Small-3.2-24B-Instruct-2506", text) == ["C " + text])
        }
    }

    @Test("a call that breaks off, or goes on as it must not, ends with what there is")
    func endsCalls() {
        let q = { Self.parse(Self.qwen, "<tool_call>{\"name\": \"now\"" + $0) }
        #expect(q("") == ["now({})"])
        #expect(q(", \"arguments\": {\"a\": \"b") == ["now({\"a\": \"b)"])
        #expect(q(", \"arguments\": {\"a\": <oops") == ["now({\"a\": )", "C <oops"])
        #expect(q(", \"arguments\": {}}") == ["now({})"])
        #expect(
            q(", \"arguments\": {}}\n<tool_call>{\"name\": \"now\"}</tool_call>") == ["now({})", "now({})"])
        #expect(q(", \"arguments\": {}} and more") == ["now({})", "C and more"])
        #expect(q(", \"arguments\": 17}</tool_call>") == ["now(17)"])
        let t = { Self.parse("Qwen3-Coder", "<tool_call><function=get_weather>" + $0) }
        #expect(t("") == ["get_weather({})"])
        #expect(t("<parameter=city>New\n") == ["get_weather({\"city\": \"New\\n)"])
        #expect(t("<parameter=days>1</parameter>") == ["get_weather({\"days\": 1})"])
        #expect(
            t("<parameter=days>1</parameter></tool_call>") == [
                "get_weather({\"days\": 1})"
            ])
    }

    @Test("names have a limit")
    func limitsNames() {
        for (count, isCall) in [(CallSyntax.nameBytesMax, true), (CallSyntax.nameBytesMax + 1, false)] {
            let name = String(repeating: "n", count: count)
            let text = "<tool_call>{\"name\": \"\(name)\"}</tool_call>"
            #expect(Self.parse(Self.qwen, text) == [isCall ? "\(name)({})" : "C " + text])
        }
    }

    @Test("a number of calls can be the end")
    func stopsAfterCalls() {
        let call = "<tool_call>{\"name\": \"now\"}</tool_call>"
        var parser = AnswerFormatTests.parser(AnswerSample(Self.qwen, ""))
        let pieces = parser.append((call + call).utf8, stopAfterCalls: 1)
        #expect(AnswerFormatTests.meaning(of: pieces + parser.finish()) == ["now({})"])
        #expect(parser.callsEnded == 1)
    }

    /// Every sample's output is once cut short and continued with others: nothing traps, and what is read is the same
    /// in one piece and byte by byte.
    @Test("any mixture of markers reads the same whatever the cuts", arguments: GoldenTests.templates)
    func survivesMixtures(_ golden: GoldenTemplate) {
        var random = Generator(state: 1)
        let sample = AnswerSample(golden.name, "")
        let parts = AnswerFormatTests.samples.map { Array($0.output.utf8) }
        for _ in 0..<40 {
            var bytes: [UInt8] = []
            for _ in 0..<4 {
                let part = parts[Int(random.next() % UInt64(parts.count))]
                let start = Int(random.next() % UInt64(part.count))
                bytes += part[start...].prefix(Int(random.next() % 80))
            }
            #expect(
                AnswerFormatTests.read(sample, [bytes]) == AnswerFormatTests.read(sample, bytes.map { [$0] }))
        }
    }

    /// Steele, Lea and Flood's SplitMix64.
    private struct Generator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }
}
