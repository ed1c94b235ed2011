import Chat

/// How the text of a request's answers is to be read: nil of it, and text is content.
struct AnswerReading: Sendable {
    var format: AnswerFormat
    var separatesReasoning: Bool
    /// Nil when calls are not looked for.
    var tools: ToolSignatures?
    /// The end of the prompt that the template wrote: it may have opened the reasoning already.
    var promptEnd: [UInt8]
    /// The beginning of a call that stands at the end of the prompt because the client insists on one; it belongs to
    /// the answer. A constraint on the tokens that follow would begin in the state behind this text.
    var forced: [UInt8] = []
    /// The client insists on calls: what a model goes on to write behind them is not the answer's any more.
    var isOnlyCalls: Bool { !forced.isEmpty }
    /// The answer ends behind so many calls.
    var callsMax = Int.max
}

/// Reads the text of one answer: gives calls their numbers and ids.
struct AnswerReader: Sendable {
    private var parser: AnswerParser?
    private let callsMax: Int
    private let isOnlyCalls: Bool
    private let ids: CallIDs
    private var usedIDs: Set<String> = []
    private var callCount = 0
    /// Calls were insisted on, and text came behind them.
    private var isOver = false

    /// What the forced beginning of the answer means; the client gets it before all else.
    private(set) var opening: [AnswerPart] = []

    init(_ reading: AnswerReading?) {
        parser = reading.map {
            AnswerParser(
                $0.format, separatesReasoning: $0.separatesReasoning, tools: $0.tools, prompt: $0.promptEnd)
        }
        callsMax = reading?.callsMax ?? Int.max
        isOnlyCalls = reading?.isOnlyCalls ?? false
        ids = reading?.format.ids ?? .long
        if let forced = reading?.forced, !forced.isEmpty { opening = read(forced) }
    }

    /// The answer has all the calls that it may have.
    var isComplete: Bool { isOver || (parser?.callsEnded ?? 0) >= callsMax }
    var hasCalls: Bool { callCount > 0 }
    /// What comes next is reasoning.
    var isInReasoning: Bool { parser?.isInReasoning ?? false }

    mutating func read(_ text: [UInt8]) -> [AnswerPart] {
        guard parser != nil else { return text.isEmpty ? [] : [.content(text)] }
        return parts(parser?.append(text, stopAfterCalls: callsMax) ?? [])
    }

    mutating func finish() -> [AnswerPart] {
        // Behind the last call that may be there, nothing is of interest.
        isComplete ? [] : parts(parser?.finish() ?? [])
    }

    private mutating func parts(_ pieces: [AnswerPiece]) -> [AnswerPart] {
        var parts: [AnswerPart] = []
        for piece in pieces {
            switch piece {
            case .content(let bytes):
                if isOnlyCalls && hasCalls {
                    isOver = true
                    return parts
                }
                parts.append(.content(bytes))
            case .reasoning(let bytes): parts.append(.reasoning(bytes))
            case .callBegins(let name, let id):
                parts.append(.call(index: callCount, id: callID(id), name: name))
                callCount += 1
            case .arguments(let bytes): parts.append(.arguments(index: callCount - 1, bytes))
            case .callEnds: break
            }
        }
        return parts
    }

    private mutating func callID(_ written: String?) -> String {
        if let written, isUsable(written), usedIDs.insert(written).inserted { return written }
        switch ids {
        case .nine: return RandomName.letters(9)
        case .long, .model: return "call_" + RandomName.letters(24)
        }
    }

    /// Whether the model's own id may be the client's, who sends it back in the history.
    private func isUsable(_ id: String) -> Bool {
        switch ids {
        case .long: false
        case .nine: id.utf8.count == 9 && id.utf8.allSatisfy(RandomName.alphabet.contains)
        case .model: (1...APILimits.toolNameBytesMax).contains(id.utf8.count)
        }
    }
}

/// Names that nobody has had before.
enum RandomName {
    static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)

    /// Ten of them take 59.5 of the 64 bits that one system call draws.
    private static let lettersPerDraw = 10

    /// Letters and digits: about 5.95 random bits each.
    static func letters(_ count: Int) -> String {
        var bits: UInt64 = 0
        let letters = (0..<count).map { index in
            if index % lettersPerDraw == 0 { bits = .random(in: .min ... .max) }
            let (rest, letter) = bits.quotientAndRemainder(dividingBy: UInt64(alphabet.count))
            bits = rest
            return alphabet[Int(letter)]
        }
        return String(decoding: letters, as: UTF8.self)
    }
}
