/// The parser of all formats that put markers into running text.
///
/// States: `text` is content, or what comes before it; a marker moves to `reasoning` or `call`, whose end moves back.
struct MarkedAnswer: Sendable {
    private enum State: Sendable {
        case text
        case reasoning
        case call(CallReader)
    }

    private enum Meaning: Sendable { case reasoning, call, pythonTag, silent }

    private struct Marker: Sendable {
        let bytes: [UInt8]
        let meaning: Meaning
        /// Counts only where nothing but space stands since the start, the reasoning, or a call.
        let isForStart: Bool
    }

    private let calls: CallSyntax?
    private let tools: ToolSignatures
    private let markers: [Marker]
    private let reasoningEnd: [UInt8]
    private var state = State.text
    /// What may be the beginning of a marker.
    private var held: [UInt8] = []
    /// Space that a marker would make superfluous.
    private var blank: [UInt8] = []
    /// Nothing but space came since the start, the reasoning, or a call.
    private var isFresh = true
    /// The space before what comes is superfluous in any case.
    private var dropsBlank = false

    init(_ format: AnswerFormat, separatesReasoning: Bool, tools: ToolSignatures?, prompt: [UInt8]) {
        let reasoning = separatesReasoning ? format.reasoning : nil
        let isInCall = Self.isCallOpen(format.calls, atEndOf: prompt)
        calls = tools != nil || isInCall ? format.calls : nil
        self.tools = tools ?? ToolSignatures([])
        reasoningEnd = Array((reasoning?.close ?? "").utf8)
        markers = Self.markers(reasoning, calls, format.silent)
        if isInCall, let calls {
            state = .call(CallReader(calls, raw: []))
        } else if reasoning?.isOpen(atEndOf: prompt) ?? false {
            state = .reasoning
            dropsBlank = true
        } else if let reasoning, prompt.withoutSpaceAtEnd.hasSuffix(Array(reasoning.close.utf8)) {
            dropsBlank = true
        }
    }

    /// The prompt ended with what opens a call: Functionary's `>>>`.
    private static func isCallOpen(_ calls: CallSyntax?, atEndOf prompt: [UInt8]) -> Bool {
        guard case .named(let named)? = calls, !named.contentName.isEmpty else { return false }
        return prompt.hasSuffix(Array(named.open.utf8))
    }

    private static func markers(_ reasoning: ReasoningMarkers?, _ calls: CallSyntax?, _ silent: [String])
        -> [Marker]
    {
        var markers: [Marker] = []
        if let reasoning {
            markers.append(Marker(bytes: Array(reasoning.open.utf8), meaning: .reasoning, isForStart: true))
        }
        if let calls {
            let open = CallReader.open(calls)
            markers.append(
                Marker(bytes: Array(open.text.utf8), meaning: .call, isForStart: open.isBare))
            if open.isBare, case .objects = calls {
                let tag = Array(CallSyntax.pythonTag.utf8)
                markers.append(Marker(bytes: tag, meaning: .pythonTag, isForStart: false))
            }
        }
        if reasoning != nil || calls != nil {
            markers += silent.map { Marker(bytes: Array($0.utf8), meaning: .silent, isForStart: false) }
        }
        return markers
    }

    /// All output is content.
    var isTrivial: Bool {
        guard markers.isEmpty, case .text = state else { return false }
        return true
    }

    var isInReasoning: Bool {
        if case .reasoning = state { return true }
        return false
    }

    mutating func take(_ byte: UInt8, _ out: inout AnswerPieces) {
        switch state {
        case .text: takeText(byte, &out)
        case .reasoning: takeReasoning(byte, &out)
        case .call(var reader):
            // The reader is not to be copied for each byte.
            state = .text
            let verdict = reader.take(byte, &out, tools)
            switch verdict {
            case .more: state = .call(reader)
            case .ended: startFresh()
            case .refused(let content, let again):
                takeContent(content, &out)
                for byte in again { take(byte, &out) }
            }
        }
    }

    mutating func finish(_ out: inout AnswerPieces) {
        switch state {
        case .text:
            let rest = held
            held = []
            for byte in rest { takePlain(byte, &out) }
            if !dropsBlank { out.content(blank) }
        case .reasoning: out.reasoning(held.isEmpty ? [] : blank + held)
        case .call(var reader): out.content(reader.finish(&out))
        }
        (held, blank) = ([], [])
    }

    // MARK: - Text

    private mutating func takeText(_ byte: UInt8, _ out: inout AnswerPieces) {
        held.append(byte)
        while !held.isEmpty {
            var isPrefix = false
            for marker in markers where (isFresh || !marker.isForStart) && marker.bytes.starts(with: held) {
                if marker.bytes.count == held.count { return open(marker) }
                isPrefix = true
            }
            if isPrefix { return }
            takePlain(held.removeFirst(), &out)
        }
    }

    private mutating func takePlain(_ byte: UInt8, _ out: inout AnswerPieces) {
        guard !byte.isASCIIWhitespace else {
            blank.append(byte)
            return
        }
        if !dropsBlank { out.content(blank) }
        out.content(CollectionOfOne(byte))
        (blank, isFresh, dropsBlank) = ([], false, false)
    }

    /// What a reader of calls gave back.
    private mutating func takeContent(_ bytes: [UInt8], _ out: inout AnswerPieces) {
        // Behind calls: as at a fresh start. Text that was no call is text.
        if bytes.isEmpty { return startFresh() }
        for byte in bytes { takePlain(byte, &out) }
    }

    private mutating func open(_ marker: Marker) {
        switch marker.meaning {
        case .reasoning:
            state = .reasoning
            (blank, dropsBlank) = ([], true)
        case .call, .pythonTag:
            guard let calls else { return }
            // Space before a call goes with it, unless it turns out to be none.
            let raw = (dropsBlank ? [] : blank) + marker.bytes
            state = .call(marker.meaning == .call ? CallReader(calls, raw: raw) : CallReader(pythonTag: raw))
            blank = []
        case .silent: dropsBlank = dropsBlank || isFresh
        }
        held = []
    }

    private mutating func startFresh() {
        state = .text
        (isFresh, dropsBlank, blank) = (true, true, [])
    }

    // MARK: - Reasoning

    private mutating func takeReasoning(_ byte: UInt8, _ out: inout AnswerPieces) {
        held.append(byte)
        while !held.isEmpty {
            if reasoningEnd.starts(with: held) {
                guard reasoningEnd.count == held.count else { return }
                held = []
                return startFresh()
            }
            let first = held.removeFirst()
            if first.isASCIIWhitespace {
                if !dropsBlank { blank.append(first) }
            } else {
                out.reasoning(blank)
                out.reasoning(CollectionOfOne(first))
                (blank, dropsBlank) = ([], false)
            }
        }
    }
}

extension [UInt8] {
    /// Without the ASCII whitespace at its end.
    var withoutSpaceAtEnd: [UInt8] {
        Array(reversed().drop { $0.isASCIIWhitespace }.reversed())
    }
}
