/// How a family of models marks what it thinks and what it calls.
public struct AnswerFormat: Sendable, Equatable {
    /// Nil when its answers are text and calls alone.
    public var reasoning: ReasoningMarkers?
    /// Nil when it knows no calls.
    public var calls: CallSyntax?
    /// Texts between the parts of an answer that nobody is to see.
    public var silent: [String] = []
    /// Tokens, by their texts, after which the answer has ended although the model file does not say so.
    public var ends: [String] = []
    /// The ids that history must have: Mistral's templates refuse others.
    public var ids = CallIDs.long

    public init(reasoning: ReasoningMarkers? = nil, calls: CallSyntax? = nil) {
        self.reasoning = reasoning
        self.calls = calls
    }

    /// What a model has to go on from so that it calls a function: the beginning of a call, behind the end of the
    /// reasoning that the prompt may have opened. Nil when the format knows no calls.
    ///
    /// - Parameters:
    ///   - name: The function; nil leaves the choice to the model.
    ///   - id: The call's, where the format has one before the name.
    ///   - prompt: What the model goes on from.
    public func callOpening(name: String?, id: String, prompt: [UInt8]) -> String? {
        guard let calls else { return nil }
        var opening = calls.opening(name: name, id: id)
        if case .named(let named) = calls, prompt.hasSuffix(Array(named.open.utf8)) {
            opening.removeFirst(named.open.count)
        }
        guard let reasoning, reasoning.isOpen(atEndOf: prompt) else { return opening }
        return reasoning.close + "\n\n" + opening
    }

    /// All texts that the parser has to see. Where one of them holds a special token, that token's text must not
    /// be hidden from it.
    public var markers: [String] {
        (reasoning.map { [$0.open, $0.close] } ?? []) + (calls?.markers ?? []) + silent
    }
}

/// The texts around reasoning.
public struct ReasoningMarkers: Sendable, Equatable {
    public var open: String
    public var close: String

    public init(_ open: String, _ close: String) {
        self.open = open
        self.close = close
    }

    /// Whether a prompt ends inside of reasoning: the template wrote the opening itself.
    public func isOpen(atEndOf prompt: [UInt8]) -> Bool {
        var end = prompt.count
        while end > 0, prompt[end - 1].isASCIIWhitespace { end -= 1 }
        return prompt[..<end].suffix(open.utf8.count).elementsEqual(open.utf8)
    }
}

/// What the ids of calls look like.
public enum CallIDs: Sendable, Equatable {
    /// `call_` and 24 letters and digits.
    case long
    /// Nine letters and digits.
    case nine
    /// What the model wrote, because its template shows ids to it; `long` where it wrote none.
    case model
}

extension UInt8 {
    var isASCIIWhitespace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
    var isASCIIDigit: Bool { (0x30...0x39).contains(self) }
    var isASCIILetter: Bool { (0x61...0x7A).contains(self | 0x20) }
}
