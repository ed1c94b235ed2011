/// Takes a model's output apart, as it comes: reasoning, text, calls.
///
/// Pure, and the same whatever the pieces are cut like, because it reads byte by byte. Text is held back only as
/// long as it may be the beginning of a marker, or space that a marker would make superfluous. What looks like a
/// call and is none is text, to the last character; a call that breaks off ends with what there is.
public struct AnswerParser: Sendable {
    private enum Machine: Sendable {
        /// Nothing to find.
        case plain
        case marked(MarkedAnswer)
        case harmony(HarmonyAnswer)
    }

    private var machine: Machine
    private var out = AnswerPieces()

    /// - Parameters:
    ///   - separatesReasoning: whether reasoning is told from text.
    ///   - tools: what may be called; nil when calls are not looked for.
    ///   - prompt: what the model goes on from: its template may have begun the reasoning or the call already.
    public init(
        _ format: AnswerFormat, separatesReasoning: Bool, tools: ToolSignatures?, prompt: [UInt8]
    ) {
        if format.calls == .harmony {
            machine = .harmony(HarmonyAnswer(separatesReasoning: separatesReasoning))
            return
        }
        let answer = MarkedAnswer(
            format, separatesReasoning: separatesReasoning, tools: tools, prompt: prompt)
        machine = answer.isTrivial ? .plain : .marked(answer)
    }

    /// Calls that are complete.
    public var callsEnded: Int { out.callsEnded }

    /// Whether what comes next is reasoning, as far as one can know.
    public var isInReasoning: Bool {
        switch machine {
        case .plain: false
        case .marked(let answer): answer.isInReasoning
        case .harmony(let answer): answer.isInReasoning
        }
    }

    /// Reads the next output. `stopAfterCalls` ends it behind that many calls; what follows is not read.
    public mutating func append(_ text: [UInt8], stopAfterCalls: Int = Int.max) -> [AnswerPiece] {
        switch machine {
        case .plain: return text.isEmpty ? [] : [.content(text)]
        case .marked(var answer):
            machine = .plain
            for byte in text where out.callsEnded < stopAfterCalls { answer.take(byte, &out) }
            machine = .marked(answer)
        case .harmony(var answer):
            machine = .plain
            for byte in text where out.callsEnded < stopAfterCalls { answer.take(byte, &out) }
            machine = .harmony(answer)
        }
        return out.take()
    }

    /// The output is over: what was held.
    public mutating func finish() -> [AnswerPiece] {
        switch machine {
        case .plain: break
        case .marked(var answer): answer.finish(&out)
        case .harmony(var answer): answer.finish(&out)
        }
        machine = .plain
        return out.take()
    }
}
