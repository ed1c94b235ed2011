import Engine
import ModelFiles

/// A token of an answer beside the text that it made.
struct AnswerToken: Sendable, Equatable {
    var token: TokenID
    /// Nil unless the request asked for log-probabilities.
    var logprob: Float?
    var alternatives: [TokenLogprob] = []
    /// Where its text begins, in characters (Unicode scalars) of the answer.
    var characterOffset = 0
    /// False for a token whose text was cut off with a stop string, and for the one that ended the answer.
    var isShown = true
}

/// What became certain of an answer: text, and the tokens whose text is now complete.
struct TextDelta: Sendable, Equatable {
    /// Whole UTF-8 characters.
    var text: [UInt8] = []
    /// What the text means, once an answer's `AnswerReader` has read it.
    var parts: [AnswerPart] = []
    var tokens: [AnswerToken] = []
    /// A stop string is complete, or the last call: the answer ends here.
    var isStopped = false

    var isEmpty: Bool { text.isEmpty && tokens.isEmpty && parts.isEmpty }
}

/// From the tokens of one answer, each with the text that it completed, to the text that may be shown.
///
/// Pure. Text that may be the beginning of a stop string is held back until it is decided; a token goes out
/// together with the last byte of its text, so that the two stay aligned whatever is held.
struct TextAssembler {
    private var matcher: StopMatcher
    private var waiting: [(token: AnswerToken, start: Int, end: Int)] = []
    /// Bytes of text that came, bytes that went out, and characters that came.
    private var seenBytes = 0
    private var releasedBytes = 0
    private var seenCharacters = 0
    private var seenTokens = 0
    private let includesStop: Bool
    private let tokensMin: Int

    /// - Parameters:
    ///   - includesStop: the stop string belongs to the text.
    ///   - tokensMin: tokens in whose text stop strings do not count.
    init(stops: [[UInt8]], includesStop: Bool = false, tokensMin: Int = 0) {
        matcher = StopMatcher(stops: stops)
        self.includesStop = includesStop
        self.tokensMin = tokensMin
    }

    /// - Parameters:
    ///   - piece: The characters that this token completed; may be empty, may hold bytes of earlier tokens.
    ///   - isPartial: The token also began a character that it did not complete.
    mutating func append(_ token: AnswerToken, piece: [UInt8], isPartial: Bool = false) -> TextDelta {
        var token = token
        token.characterOffset = seenCharacters
        seenTokens += 1
        // Half a character goes out with the other half.
        waiting.append((token, seenBytes, seenBytes + piece.count + (isPartial ? 1 : 0)))
        return take(piece)
    }

    /// The end of the answer: `rest` is text that the detokenizer still had.
    ///
    /// - Parameter last: The stop token, which has no text.
    mutating func finish(rest: [UInt8], last: TokenID?) -> TextDelta {
        var delta = take(rest)
        if !delta.isStopped {
            delta.text += matcher.finish()
            delta.tokens += release(upTo: Int.max)
        }
        if let last {
            delta.tokens.append(AnswerToken(token: last, characterOffset: seenCharacters, isShown: false))
        }
        return delta
    }

    private mutating func take(_ piece: [UInt8]) -> TextDelta {
        seenBytes += piece.count
        // Continuation bytes are 10xxxxxx.
        seenCharacters += piece.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
        var step = seenTokens <= tokensMin ? matcher.pass(piece) : matcher.append(piece)
        if includesStop, let stop = step.matched { step.released += stop }
        releasedBytes += step.released.count
        var delta = TextDelta(text: step.released, isStopped: step.matched != nil)
        delta.tokens = delta.isStopped ? cut() : release(upTo: releasedBytes)
        return delta
    }

    /// The waiting tokens whose text is out.
    private mutating func release(upTo count: Int) -> [AnswerToken] {
        let readyCount = waiting.firstIndex { $0.end > count } ?? waiting.count
        let ready = waiting.prefix(readyCount).map(\.token)
        if readyCount == waiting.count {
            waiting.removeAll(keepingCapacity: true)
        } else {
            waiting.removeFirst(readyCount)
        }
        return ready
    }

    /// All waiting tokens, after a stop string: the ones that only made text behind the cut are not shown.
    private mutating func cut() -> [AnswerToken] {
        defer { waiting = [] }
        return waiting.map { entry in
            var token = entry.token
            token.isShown = entry.start < releasedBytes
            return token
        }
    }
}
