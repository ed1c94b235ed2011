/// The formats of model families, told from their templates by the markers that stand in them.
extension AnswerFormat {
    /// The format of the models that have this template.
    ///
    /// - Parameter source: The template's Jinja.
    public init(templateSource source: String) {
        let text = TemplateText(source)
        reasoning = Self.reasoning(text)
        calls = Self.calls(text)
        silent = Self.silentMarkers.filter(text.has)
        ends = Self.endMarkers.filter(text.has)
        if text.has("<|tool_call:args|>") {
            // Solar: every part of an answer is a message of its own.
            reasoning = ReasoningMarkers("<|think|>", "<|end|>")
            silent += ["<|begin|>assistant", "<|content|>", "<|end|>"]
        }
        if text.has("[TOOL_CALLS]") { ids = .nine }
        if text.has("<|tool_call_argument_begin|>") || text.has("<|tool_call:args|>") { ids = .model }
    }

    /// Frames around an answer's text.
    private static let silentMarkers = [
        "<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>", "<response>",
        "</response>",
        "[BEGIN FINAL RESPONSE]", "[END FINAL RESPONSE]",
    ]

    /// Tokens that hand over to the caller: answers end there.
    private static let endMarkers = ["<|call|>", "<|return|>", "<|calls|>", "<|tool_response>", "<|eom_id|>"]

    // MARK: - Reasoning

    private static func reasoning(_ text: TemplateText) -> ReasoningMarkers? {
        if text.has("Here are my reasoning steps:") {
            return ReasoningMarkers("Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]")
        }
        // Hunyuan's markers carry a word that the template adds.
        if text.has("<think{}>") { return ReasoningMarkers("<think:opensource>", "</think:opensource>") }
        let known = [
            ("<seed:think>", "</seed:think>"), ("<mm:think>", "</mm:think>"), ("[THINK]", "[/THINK]"),
            ("<|START_THINKING|>", "<|END_THINKING|>"), ("<|inner_prefix|>", "<|inner_suffix|>"),
            ("<|channel>thought", "<channel|>"), ("<thinking>", "</thinking>"), ("<think>", "</think>"),
        ]
        return known.first { text.has($0.1) && ($0.0 != "<thinking>" || !text.has("<think>")) }
            .map { ReasoningMarkers($0.0, $0.1) }
    }

    // MARK: - Calls

    private static func calls(_ text: TemplateText) -> CallSyntax? {
        if text.has("<|channel|>") && (text.has("<|call|>") || text.has("to=functions")) { return .harmony }
        if text.has("<|tool_call>") && text.has("call:") { return .gemma }
        // MiniMax M3 and Muse nest their tags in ways that are not read here; its tools are described in text.
        if text.has("]minimax[") || text.has("<atem:invoke") { return nil }
        return taggedCalls(text) ?? namedCalls(text) ?? pythonicCalls(text) ?? objectCalls(text)
    }

    private static func taggedCalls(_ text: TemplateText) -> CallSyntax? {
        if text.has("DSML") && text.has("invoke name=") {
            // V3.2 has `function_calls`, V4 `tool_calls`.
            let section = text.has("tool_calls>") || text.has("tool_calls'") ? "tool_calls" : "function_calls"
            return .tagged(
                TaggedCalls(
                    open: "<｜DSML｜\(section)>", close: "</｜DSML｜\(section)>",
                    functionOpen: "<｜DSML｜invoke name=\"", nameEnd: "\">", functionClose: "</｜DSML｜invoke>",
                    parameterOpen: "<｜DSML｜parameter name=\"", keyEnd: "\">",
                    parameterClose: "</｜DSML｜parameter>", statesKind: true))
        }
        if text.has("<minimax:tool_call>") { return invokes("<minimax:tool_call>", "</minimax:tool_call>") }
        if text.has("<seed:tool_call>") { return functions("<seed:tool_call>", "</seed:tool_call>") }
        if text.has("<function name=") && text.has("<param name=") {
            return .tagged(
                TaggedCalls(
                    open: "<function name=\"", close: "", functionOpen: "", nameEnd: "\">",
                    functionClose: "</function>", parameterOpen: "<param name=\"", keyEnd: "\">",
                    parameterClose: "</param>"))
        }
        if text.has("<function=") && text.has("<parameter=") {
            return functions("<tool_call>", "</tool_call>")
        }
        if text.has("<arg_key{}>") || text.has("<arg_key:opensource>") { return argumentKeys(":opensource") }
        if text.has("<arg_key>") { return argumentKeys("") }
        return nil
    }

    /// MiniMax M2.
    private static func invokes(_ open: String, _ close: String) -> CallSyntax {
        .tagged(
            TaggedCalls(
                open: open, close: close, functionOpen: "<invoke name=\"", nameEnd: "\">",
                functionClose: "</invoke>", parameterOpen: "<parameter name=\"", keyEnd: "\">",
                parameterClose: "</parameter>"))
    }

    /// Qwen3-Coder and its like.
    private static func functions(_ open: String, _ close: String) -> CallSyntax {
        .tagged(
            TaggedCalls(
                open: open, close: close, functionOpen: "<function=", nameEnd: ">",
                functionClose: "</function>", parameterOpen: "<parameter=", keyEnd: ">",
                parameterClose: "</parameter>"))
    }

    /// GLM, Ling, Hunyuan.
    private static func argumentKeys(_ suffix: String) -> CallSyntax {
        var calls = TaggedCalls(
            open: "<tool_call>", close: "", functionOpen: "", nameEnd: "", functionClose: "</tool_call>",
            parameterOpen: "<arg_key>", keyEnd: "</arg_key>", valueOpen: "<arg_value>",
            parameterClose: "</arg_value>")
        if !suffix.isEmpty {
            calls = TaggedCalls(
                open: "<tool_calls\(suffix)>", close: "</tool_calls\(suffix)>",
                functionOpen: "<tool_call\(suffix)>", nameEnd: "<tool_sep\(suffix)>",
                functionClose: "</tool_call\(suffix)>", parameterOpen: "<arg_key\(suffix)>",
                keyEnd: "</arg_key\(suffix)>", valueOpen: "<arg_value\(suffix)>",
                parameterClose: "</arg_value\(suffix)>")
        }
        return .tagged(calls)
    }

    private static func namedCalls(_ text: TemplateText) -> CallSyntax? {
        if text.has("<｜tool▁calls▁begin｜>") { return deepSeek(isFenced: text.has("```json")) }
        if text.has("<|tool_call_argument_begin|>") {
            var calls = NamedCalls("<|tool_calls_section_begin|>", nameEnd: "<|tool_call_argument_begin|>")
            calls.callOpen = "<|tool_call_begin|>"
            calls.callClose = "<|tool_call_end|>"
            calls.close = "<|tool_calls_section_end|>"
            calls.hasIndexedNames = true
            return .named(calls)
        }
        if text.has("<|tool_call:args|>") {
            var calls = NamedCalls("<|tool_calls|>", nameEnd: "<|tool_call:args|>")
            calls.callOpen = "<|tool_call:begin|>"
            calls.idEnd = "<|tool_call:name|>"
            calls.callClose = "<|tool_call:end|>"
            calls.close = "<|calls|>"
            return .named(calls)
        }
        if text.has("[ARGS]") {
            var calls = NamedCalls("[TOOL_CALLS]", nameEnd: "[ARGS]")
            calls.idOpen = "[CALL_ID]"
            return .named(calls)
        }
        if text.has(">>>all") || text.has(">>>${recipient}") || text.has("'>>>'") {
            var calls = NamedCalls(">>>", nameEnd: "\n")
            calls.contentName = "all"
            return .named(calls)
        }
        if text.has("<function=") && text.has("</function>") {
            var calls = NamedCalls("<function=", nameEnd: ">")
            calls.callClose = "</function>"
            return .named(calls)
        }
        return nil
    }

    /// R1 and V3 write the arguments as a code block, V3.1 as they are.
    private static func deepSeek(isFenced: Bool) -> CallSyntax {
        var calls = NamedCalls("<｜tool▁calls▁begin｜>", nameEnd: isFenced ? "\n```json\n" : "<｜tool▁sep｜>")
        calls.callOpen = "<｜tool▁call▁begin｜>" + (isFenced ? "function<｜tool▁sep｜>" : "")
        calls.callClose = (isFenced ? "```" : "") + "<｜tool▁call▁end｜>"
        calls.close = "<｜tool▁calls▁end｜>"
        return .named(calls)
    }

    private static func pythonicCalls(_ text: TemplateText) -> CallSyntax? {
        if text.has("<|tool_call_start|>") || text.has("<|tool_list_start|>") {
            return .pythonic(PythonicCalls("<|tool_call_start|>", "<|tool_call_end|>"))
        }
        if text.has("<|header_start|>") && (text.has("[func_name1(") || text.has("<|python_start|>")) {
            return .pythonic(PythonicCalls("", ""))
        }
        return nil
    }

    private static func objectCalls(_ text: TemplateText) -> CallSyntax? {
        if text.has("<|START_ACTION|>") {
            var calls = ObjectCalls("<|START_ACTION|>", "<|END_ACTION|>", isList: true)
            calls.nameLead = #"{"tool_call_id": "0", "tool_name": "#
            calls.argumentsLead = #", "parameters":"#
            return .objects(calls)
        }
        if text.has("<|tools_prefix|>") {
            var calls = ObjectCalls("<|tools_prefix|>", "<|tools_suffix|>", isList: true)
            calls.nameIsKey = true
            return .objects(calls)
        }
        let lists = [
            ("[TOOL_CALLS]", ""), ("<TOOLCALL>", "</TOOLCALL>"), ("functools", ""),
            ("<|tool_call|>", text.has("<|/tool_call|>") ? "<|/tool_call|>" : ""),
        ]
        for (open, close) in lists where text.has(open) {
            return .objects(ObjectCalls(open, close, isList: true))
        }
        if text.has("<|function_call|>") { return .objects(ObjectCalls("<|function_call|>", "")) }
        if text.has("function call") && text.has("<|role_sep|>") {
            return .objects(ObjectCalls("function call<|role_sep|>", ""))
        }
        if text.has("<tool_calls>[") {
            return .objects(ObjectCalls("<tool_calls>", "</tool_calls>", isList: true))
        }
        for (open, close) in [("<tool_calls>", "</tool_calls>"), ("<tool_call>", "</tool_call>")]
        where text.has(open) {
            var calls = ObjectCalls(open, close)
            calls.gap = "\n"
            return .objects(calls)
        }
        if text.has(#"{"name": function name, "parameters""#) || text.has("<|python_tag|>") {
            var calls = ObjectCalls("", "")
            calls.argumentsLead = #", "parameters":"#
            return .objects(calls)
        }
        return nil
    }
}

/// A template's source, where markers are looked for.
private struct TemplateText {
    private let source: [UInt8]

    init(_ source: String) { self.source = Array(source.utf8) }

    func has(_ text: String) -> Bool {
        let wanted = Array(text.utf8)
        guard let first = wanted.first, source.count >= wanted.count else { return false }
        var at = 0
        while at <= source.count - wanted.count {
            if source[at] == first, source[at..<at + wanted.count].elementsEqual(wanted) { return true }
            at += 1
        }
        return false
    }
}
