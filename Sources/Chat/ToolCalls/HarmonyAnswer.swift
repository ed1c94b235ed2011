/// The parser of gpt-oss's answers: messages with a channel, some of them for a function.
///
/// `<|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>commentary to=functions.f
/// <|constrain|>json<|message|>{…}<|call|>`. Analysis is reasoning, what has a recipient is a call, the rest is
/// content (cookbook.openai.com/articles/openai-harmony).
struct HarmonyAnswer: Sendable {
    private enum State {
        /// Before `<|message|>`. Behind `<|start|>` anything may stand there.
        case header(isStarted: Bool)
        case reasoning, content, call
    }

    private static let start = "<|start|>"
    private static let message = "<|message|>"
    private static let channel = "<|channel|>"
    private static let constrain = "<|constrain|>"
    private static let bodyEnds = ["<|end|>", "<|call|>", "<|return|>", start, channel].map { Array($0.utf8) }
    /// What a header may begin with where no `<|start|>` stood.
    private static let headerStarts = [start, message, channel, constrain, " to="].map { Array($0.utf8) }
    private static let messageBytes = Array(message.utf8)
    static let markers = [start, message, channel, constrain, "<|end|>", "<|call|>", "<|return|>"]
    private static let headerBytesMax = 512

    private let separatesReasoning: Bool
    private var state = State.header(isStarted: false)
    private var held: [UInt8] = []

    init(separatesReasoning: Bool) { self.separatesReasoning = separatesReasoning }

    static func opening(name: String?) -> String {
        let start = channel + "commentary to=functions."
        return start + (name.map { $0 + " " + constrain + "json" + message } ?? "")
    }

    var isInReasoning: Bool {
        if case .reasoning = state { return true }
        return false
    }

    mutating func take(_ byte: UInt8, _ out: inout AnswerPieces) {
        held.append(byte)
        switch state {
        case .header(let isStarted): takeHeader(isStarted, &out)
        case .reasoning, .content, .call: takeBody(&out)
        }
    }

    mutating func finish(_ out: inout AnswerPieces) {
        if case .header = state { state = .content }
        write(held, &out)
        endBody(&out)
        held = []
    }

    private mutating func takeHeader(_ isStarted: Bool, _ out: inout AnswerPieces) {
        if held.hasSuffix(Self.messageBytes) {
            let header = String(decoding: held.dropLast(Self.messageBytes.count), as: UTF8.self)
            held = []
            enter(header, &out)
            return
        }
        let isPossible =
            isStarted || Self.headerStarts.contains { $0.starts(with: held) || held.starts(with: $0) }
        guard !isPossible || held.count > Self.headerBytesMax else { return }
        // No header: the model just writes.
        let text = held
        (held, state) = ([], .content)
        for byte in text {
            held.append(byte)
            takeBody(&out)
        }
    }

    private mutating func enter(_ header: String, _ out: inout AnswerPieces) {
        if let recipient = Self.word(after: "to=", in: header), recipient != "user", recipient != "assistant"
        {
            let prefix = "functions."
            let name = recipient.hasPrefix(prefix) ? String(recipient.dropFirst(prefix.count)) : recipient
            if !name.isEmpty {
                out.begin(name: name.utf8)
                state = .call
                return
            }
        }
        let isAnalysis = Self.word(after: Self.channel, in: header) == "analysis"
        state = isAnalysis && separatesReasoning ? .reasoning : .content
    }

    /// What stands behind a text, up to space or a marker.
    private static func word(after lead: String, in header: String) -> String? {
        guard let range = header.firstRange(of: lead) else { return nil }
        return String(header[range.upperBound...].prefix { $0 != " " && $0 != "<" && $0 != "\n" })
    }

    private mutating func takeBody(_ out: inout AnswerPieces) {
        while !held.isEmpty {
            var isPrefix = false
            for end in Self.bodyEnds where end.starts(with: held) {
                if end.count == held.count { return bodyEnds(with: end, &out) }
                isPrefix = true
            }
            if isPrefix { return }
            write([held.removeFirst()], &out)
        }
    }

    private mutating func bodyEnds(with end: [UInt8], _ out: inout AnswerPieces) {
        endBody(&out)
        let text = String(decoding: end, as: UTF8.self)
        held = text == Self.channel ? end : []
        state = .header(isStarted: text == Self.start)
    }

    private func endBody(_ out: inout AnswerPieces) {
        if case .call = state { out.end() }
    }

    private func write(_ bytes: [UInt8], _ out: inout AnswerPieces) {
        switch state {
        case .reasoning: out.reasoning(bytes)
        case .content, .header: out.content(bytes)
        case .call: out.arguments(bytes)
        }
    }
}
