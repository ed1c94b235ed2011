import JSON
import Testing

@testable import Chat

/// An output of a model, and what it means.
struct AnswerSample: Sendable, CustomTestStringConvertible {
    /// A template of the corpus, or source with the markers of one that is not there.
    var template: String
    var output: String
    /// `R` reasoning, `C` content, `f(…)` a call of f with its arguments.
    var meaning: [String]
    /// What the prompt ends with.
    var prompt = ""
    /// The template's.
    let format: AnswerFormat
    var testDescription: String { "\(template.prefix(40)): \(output.prefix(60))" }

    init(_ template: String, _ output: String, _ meaning: String..., prompt: String = "") {
        (self.template, self.output, self.meaning, self.prompt) = (template, output, meaning, prompt)
        let isInCorpus = Self.corpus.contains(template + ".jinja")
        let source = isInCorpus ? readText(goldenDirectory + template + ".jinja") : template
        format = AnswerFormat(templateSource: source)
    }

    private static let corpus = Set(directoryEntries(goldenDirectory))
}

/// The formats of the families, on outputs as their models write them.
@Suite("Reasoning and calls of all families")
struct AnswerFormatTests {
    static let tools: [JSONValue] = [
        [
            "type": "function",
            "function": [
                "name": "get_weather",
                "parameters": [
                    "type": "object",
                    "properties": [
                        "city": ["type": "string"], "days": ["type": "integer"], "exact": ["type": "boolean"],
                        "tags": ["type": "array"],
                    ],
                ],
            ],
        ],
        ["type": "function", "function": ["name": "now"]],
    ]

    static let samples = hermesLike + tagged + named + lists + pythonic + others

    static let hermesLike: [AnswerSample] = [
        AnswerSample(
            "Qwen-Qwen2.5-7B-Instruct",
            "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Zürich\", \"q\": \"a } ] \\\" <\"}}\n</tool_call>",
            #"get_weather({"city": "Zürich", "q": "a } ] \" <"})"#),
        AnswerSample(
            "Qwen-Qwen2.5-7B-Instruct",
            "I look.\n\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"days\": 2}}\n</tool_call>\nDone.",
            "C I look.", "now({})", #"get_weather({"days": 2})"#, "C Done."),
        AnswerSample("Qwen-Qwen2.5-7B-Instruct", "<tool_call>\n{\"name\": \"now\"}\n</tool_call>", "now({})"),
        AnswerSample(
            "Qwen-Qwen2.5-7B-Instruct", "<tool_call>{\"name\": \"now\", \"arguments\": null}</tool_call>",
            "now({})"),
        AnswerSample(
            "Qwen-Qwen2.5-7B-Instruct",
            #"<tool_call>{"arguments": {"days": 1}, "name": "get_weather"}</tool_call>"#,
            #"get_weather({"days": 1})"#),
        AnswerSample(
            "Qwen-Qwen2.5-7B-Instruct",
            #"<tool_call>{"name": "now", "arguments": "{\"a\": \"\u00e9\ud83e\udd16\\n\"}"}</tool_call>"#,
            #"now({"a": "é🤖\n"})"#),
        AnswerSample(
            "Qwen-Qwen2.5-7B-Instruct",
            #"<tool_call>{"type": "function", "function": {"name": "now", "arguments": {"a": [1, {}]}}}</tool_call>"#,
            #"now({"a": [1, {}]})"#),
        AnswerSample(
            "ibm-granite-granite-4.0", "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>",
            "now({})"),
        AnswerSample(
            "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use",
            "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>", "now({})"),
        AnswerSample(
            "Qwen-QwQ-32B",
            "First\n I think.\n</think>\n\n<tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>",
            "R First\n I think.", "now({})", prompt: "<|im_start|>assistant\n<think>\n"),
        AnswerSample("Qwen-QwQ-32B", "<think>Hm.</think>\n\nYes.", "R Hm.", "C Yes."),
        AnswerSample("Qwen-QwQ-32B", "<think>\n\n</think>\n\nYes.", "C Yes."),
        AnswerSample("Qwen-QwQ-32B", "Yes: <think> is a tag.", "C Yes: <think> is a tag."),
        AnswerSample("Qwen-QwQ-32B", "cut <tool", "R cut <tool", prompt: "<think>\n"),
    ]

    static let tagged: [AnswerSample] = [
        AnswerSample(
            "Qwen3-Coder",
            "<tool_call>\n<function=get_weather>\n<parameter=city>\nNew\n\"York\"\n</parameter>\n<parameter=days>\n3\n</parameter>\n<parameter=exact>\nTrue\n</parameter>\n<parameter=tags>\n[\"a\"]\n</parameter>\n</function>\n</tool_call>",
            #"get_weather({"city": "New\n\"York\"", "days": 3, "exact": true, "tags": ["a"]})"#),
        AnswerSample(
            "Qwen3-Coder", "Hm.\n<tool_call>\n<function=now>\n</function>\n</tool_call>", "C Hm.", "now({})"),
        AnswerSample(
            "Qwen3.5-4B",
            "Let me.\n</think>\n\n<tool_call>\n<function=get_weather>\n<parameter=city>\n</par\n</parameter>\n</function>\n</tool_call>",
            "R Let me.", #"get_weather({"city": "</par"})"#, prompt: "<think>\n"),
        AnswerSample(
            "StepFun3.5-Flash",
            "x</think><tool_call>\n<function=get_weather>\n<parameter=days>\nmany\n</parameter>\n</function>\n</tool_call>",
            "R x", #"get_weather({"days": "many"})"#, prompt: "<think>\n"),
        AnswerSample(
            "ByteDance-Seed-OSS",
            "<seed:think>a</seed:think>\n<seed:tool_call>\n<function=get_weather>\n<parameter=city>Paris</parameter>\n</function>\n</seed:tool_call>",
            "R a", #"get_weather({"city": "Paris"})"#),
        AnswerSample(
            "<think></think><minimax:tool_call><invoke name=",
            "<think>a</think>\n<minimax:tool_call>\n<invoke name=\"get_weather\">\n<parameter name=\"city\">Rome</parameter>\n<parameter name=\"days\">2</parameter>\n</invoke>\n<invoke name=\"now\">\n</invoke>\n</minimax:tool_call>",
            "R a", #"get_weather({"city": "Rome", "days": 2})"#, "now({})"),
        AnswerSample(
            "<function name=\"f\"><param name=\"k\">v</param></function>",
            "<function name=\"get_weather\"><param name=\"city\">Rome</param></function>",
            #"get_weather({"city": "Rome"})"#),
        AnswerSample(
            "GLM-4.6",
            "\n<think>so</think>\nWell.\n<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Bern</arg_value>\n<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n</tool_call>\n<tool_call>now\n</tool_call>",
            "R so", "C Well.", #"get_weather({"city": "Bern", "days": 2})"#, "now({})"),
        AnswerSample(
            "inclusionai-ling-3.0-flash",
            "so</think><tool_call>get_weather<arg_key>city</arg_key><arg_value>Bern</arg_value></tool_call>",
            "R so", #"get_weather({"city": "Bern"})"#, prompt: "<think>"),
        AnswerSample(
            "tencent-Hy3",
            "<tool_calls:opensource>\n<tool_call:opensource>get_weather<tool_sep:opensource>\n<arg_key:opensource>city</arg_key:opensource>\n<arg_value:opensource>Bern</arg_value:opensource>\n</tool_call:opensource>\n</tool_calls:opensource>",
            #"get_weather({"city": "Bern"})"#),
        AnswerSample(
            "deepseek-ai-DeepSeek-V4",
            "why</think>\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"get_weather\">\n<｜DSML｜parameter name=\"city\" string=\"true\">5</｜DSML｜parameter>\n<｜DSML｜parameter name=\"days\" string=\"false\">5</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>",
            "R why", #"get_weather({"city": "5", "days": 5})"#, prompt: "<think>"),
    ]

    static let named: [AnswerSample] = [
        AnswerSample(
            "Mistral-Small-3.2-24B-Instruct-2506",
            "[TOOL_CALLS]get_weather[CALL_ID]abcDEF123[ARGS]{\"city\": \"Nice\"}[TOOL_CALLS]now[ARGS]{}",
            #"get_weather#abcDEF123({"city": "Nice"})"#, "now({})"),
        AnswerSample(
            "mistralai-Ministral-3-14B-Reasoning-2512", "[THINK]a[/THINK][TOOL_CALLS]now[ARGS]{}", "R a",
            "now({})"),
        AnswerSample(
            "meetkai-functionary-medium-v3.1", "<function=get_weather>{\"days\": 1}</function>",
            #"get_weather({"days": 1})"#),
        AnswerSample(
            "meetkai-functionary-medium-v3.2", "all\nHello\nyou>>>get_weather\n{\"days\": 1}>>>now\n{}",
            "C Hello\nyou", #"get_weather({"days": 1})"#, "now({})", prompt: "<|end_header_id|>\n\n>>>"),
        AnswerSample(
            "Kimi-K2-Thinking",
            "<think>k</think>Ok<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{\"city\": \"Bonn\"}<|tool_call_end|><|tool_call_begin|>functions.now:1<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>",
            "R k", "C Ok", #"get_weather#functions.get_weather:0({"city": "Bonn"})"#,
            "now#functions.now:1({})"),
        AnswerSample(
            "llama-cpp-deepseek-r1",
            "z\n</think>\n<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{\"city\": \"```\"}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>now\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
            "R z", #"get_weather({"city": "```"})"#, "now({})", prompt: "<think>\n"),
        AnswerSample(
            "deepseek-ai-DeepSeek-V3.1",
            "Ok.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{\"days\": 1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
            "C Ok.", #"get_weather({"days": 1})"#),
        AnswerSample(
            "upstage-Solar-Open-100B",
            "<|think|>s<|end|><|begin|>assistant<|content|>Sure.<|end|><|begin|>assistant<|tool_calls|><|tool_call:begin|>id9<|tool_call:name|>now<|tool_call:args|>{}<|tool_call:end|><|calls|>",
            "R s", "C Sure.", "now#id9({})"),
    ]

    static let lists: [AnswerSample] = [
        AnswerSample(
            "mistralai-Mistral-Nemo-Instruct-2407",
            #"[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Nice"}, "id": "abcDEF123"}, {"name": "now", "arguments": {}}]"#,
            #"get_weather({"city": "Nice"})"#, "now({})"),
        AnswerSample(
            "NVIDIA-Nemotron-Nano-v2",
            #"<TOOLCALL>[{"name": "get_weather", "arguments": {"city": "Nice"}}]</TOOLCALL>"#,
            #"get_weather({"city": "Nice"})"#),
        AnswerSample(
            "ibm-granite-granite-3.3-2B-Instruct",
            #"<think>t</think><response><|tool_call|>[{"name": "now", "arguments": {}}]</response>"#, "R t",
            "now({})"),
        AnswerSample(
            "ibm-granite-granite-3.3-2B-Instruct", "<think>t</think>\n<response>Hi.</response>", "R t",
            "C Hi."),
        AnswerSample(
            "<|tool_call|> <|/tool_call|>", #"<|tool_call|>[{"name": "now", "arguments": {}}]<|/tool_call|>"#,
            "now({})"),
        AnswerSample(" functools[...]", #" functools[{"name": "now", "arguments": {}}]"#, "now({})"),
        AnswerSample(
            "CohereForAI-c4ai-command-r7b-12-2024-tool_use",
            "<|START_THINKING|>I will.<|END_THINKING|><|START_ACTION|>[\n    {\"tool_call_id\": \"0\", \"tool_name\": \"now\", \"parameters\": {}}\n]<|END_ACTION|>",
            "R I will.", "now#0({})"),
        AnswerSample(
            "Cohere2MoE", "deep<|END_THINKING|><|START_TEXT|>Hello.<|END_TEXT|>", "R deep", "C Hello.",
            prompt: "<|START_THINKING|>"),
        AnswerSample(
            "Apertus-8B-Instruct",
            #"<|inner_prefix|>a<|inner_suffix|><|tools_prefix|>[{"get_weather": {"city": "Aix"}}, {"now": {}}]<|tools_suffix|>"#,
            "R a", #"get_weather({"city": "Aix"})"#, "now({})"),
        AnswerSample(
            "Apriel-1.6-15b-Thinker-fixed",
            "I do.\n[BEGIN FINAL RESPONSE]\n<tool_calls>[{\"name\": \"now\", \"arguments\": {}}]</tool_calls>",
            "R I do.", "now({})", prompt: "Here are my reasoning steps:\n"),
        AnswerSample(
            "MiniMax-M1",
            "<tool_calls>\n{\"name\": \"now\", \"arguments\": {}}\n{\"name\": \"now\"}\n</tool_calls>",
            "now({})", "now({})"),
        AnswerSample(
            "GigaChat3.1-10B-A1.8B", #"<|function_call|>{"name": "now", "arguments": {}}"#, "now({})"),
        AnswerSample(
            "GigaChat3-10B-A1.8B", "function call<|role_sep|>\n{\"name\": \"now\", \"arguments\": {}}",
            "now({})"),
    ]

    static let pythonic: [AnswerSample] = [
        AnswerSample(
            "LFM2.5-8B-A1B",
            #"<|tool_call_start|>[get_weather(city='It\'s "x"', tags=["a", ('b', None)], opt={'k': True}), now()]<|tool_call_end|>Wait."#,
            #"get_weather({"city": "It's \"x\"", "tags": ["a", ["b", null]], "opt": {"k": true}})"#,
            "now({})",
            "C Wait."),
        AnswerSample("LFM2-8B-A1B", "<|tool_call_start|>[now()]<|tool_call_end|>", "now({})"),
        AnswerSample(
            "<|header_start|> [func_name1(params", "[get_weather(city=\"Rom\", days=-2.5), now()]",
            #"get_weather({"city": "Rom", "days": -2.5})"#, "now({})"),
        AnswerSample("<|header_start|> [func_name1(params", "[other(1)] is a list", "C [other(1)] is a list"),
    ]

    static let others: [AnswerSample] = [
        AnswerSample(
            "meta-llama-Llama-3.2-3B-Instruct", #"{"name": "get_weather", "parameters": {"city": "Ulm"}}"#,
            #"get_weather({"city": "Ulm"})"#),
        AnswerSample(
            "meta-llama-Llama-3.3-70B-Instruct",
            #"{"type": "function", "name": "now", "parameters": {}}; {"name": "now", "parameters": {}}"#,
            "now({})", "now({})"),
        AnswerSample(
            "meta-llama-Llama-3.2-3B-Instruct", #"{"name": "Ann", "age": 3} is JSON"#,
            #"C {"name": "Ann", "age": 3} is JSON"#),
        AnswerSample(
            "meta-llama-Llama-3.2-3B-Instruct", #"Well: {"name": "now", "parameters": {}}"#,
            #"C Well: {"name": "now", "parameters": {}}"#),
        AnswerSample(
            "meta-llama-Llama-3.3-70B-Instruct", #"<|python_tag|>brave_search.call(query="x")"#,
            #"brave_search({"query": "x"})"#),
        AnswerSample(
            "google-gemma-4-31B-it",
            "<|channel>thought\nhm\n<channel|><|tool_call>call:get_weather{city:<|\"|>A\"{b<|\"|>,days:2,tags:[<|\"|>x<|\"|>,true],o:{k:<|\"|><|\"|>}}<tool_call|>",
            "R hm",
            #"get_weather({"city": "A\"{b", "days": 2, "tags": ["x", true], "o": {"k": ""}})"#),
        AnswerSample("google-gemma-4-31B-it", "<|tool_call>call:now{}<tool_call|>", "now({})"),
        AnswerSample(
            "openai-gpt-oss-120b",
            "<|channel|>analysis<|message|>Need it.<|end|><|start|>assistant<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{\"city\":\"Zug\"}",
            "R Need it.", #"get_weather({"city":"Zug"})"#),
        AnswerSample(
            "openai-gpt-oss-120b", " to=functions.now<|channel|>commentary json<|message|>{}<|call|>",
            "now({})"),
        AnswerSample(
            "openai-gpt-oss-120b",
            "<|channel|>analysis<|message|>A<|end|><|start|>assistant<|channel|>final<|message|>B < C",
            "R A", "C B < C"),
        AnswerSample("openai-gpt-oss-120b", "Just text.", "C Just text."),
    ]

    @Test("an output means what its family means by it", arguments: samples)
    func means(_ sample: AnswerSample) {
        #expect(Self.read(sample, [Array(sample.output.utf8)]) == sample.meaning)
    }

    @Test("an output means the same wherever it is cut", arguments: samples)
    func isIndependentOfCuts(_ sample: AnswerSample) {
        let bytes = Array(sample.output.utf8)
        for place in 0...bytes.count {
            let pieces = [Array(bytes[..<place]), Array(bytes[place...])]
            #expect(Self.read(sample, pieces) == sample.meaning, "cut at \(place)")
        }
        #expect(Self.read(sample, bytes.map { [$0] }) == sample.meaning)
    }

    @Test("an output that breaks off anywhere loses no text and leaves no call open", arguments: samples)
    func breaksOff(_ sample: AnswerSample) {
        let bytes = Array(sample.output.utf8)
        for place in 0..<bytes.count {
            var parser = Self.parser(sample)
            let pieces = parser.append(bytes[..<place]) + parser.finish()
            var open = 0
            for piece in pieces {
                if case .callBegins = piece { open += 1 }
                if case .callEnds = piece { open -= 1 }
                #expect((0...1).contains(open))
            }
            #expect(open == 0, "cut at \(place)")
        }
    }

    @Test("without tools, calls are text", arguments: ["Qwen-Qwen2.5-7B-Instruct", "LFM2-8B-A1B"])
    func ignoresCalls(template: String) {
        let text =
            "<tool_call>\n{\"name\": \"now\"}\n</tool_call> <|tool_call_start|>[now()]<|tool_call_end|>"
        var parser = AnswerParser(
            AnswerSample(template, "").format, separatesReasoning: true, tools: nil, prompt: [])
        #expect(parser.append(text.utf8) + parser.finish() == [.content(Array(text.utf8))])
    }

    static func parser(_ sample: AnswerSample) -> AnswerParser {
        AnswerParser(
            sample.format, separatesReasoning: true, tools: ToolSignatures(tools),
            prompt: Array(sample.prompt.utf8))
    }

    static func read(_ sample: AnswerSample, _ pieces: [[UInt8]]) -> [String] {
        var parser = parser(sample)
        var read: [AnswerPiece] = []
        for piece in pieces { read += parser.append(piece) }
        return Self.meaning(of: read + parser.finish())
    }

    /// Pieces as the samples write them.
    static func meaning(of pieces: [AnswerPiece]) -> [String] {
        var parts: [(kind: String, bytes: [UInt8])] = []
        for piece in pieces {
            switch piece {
            case .reasoning(let bytes): add("R ", bytes)
            case .content(let bytes): add("C ", bytes)
            case .callBegins(let name, let id): parts.append((name + (id.map { "#" + $0 } ?? "") + "(", []))
            case .arguments(let bytes): parts[parts.count - 1].bytes += bytes
            case .callEnds: parts[parts.count - 1].bytes.append(UInt8(ascii: ")"))
            }
        }
        func add(_ kind: String, _ bytes: [UInt8]) {
            if parts.last?.kind == kind {
                parts[parts.count - 1].bytes += bytes
            } else {
                parts.append((kind, bytes))
            }
        }
        return parts.map { $0.kind + String(decoding: $0.bytes, as: UTF8.self) }
    }
}
