import JSON

/// Reads calls whose parameters come one by one between tags, and writes their arguments as JSON.
///
/// The value of a parameter that is text by its schema goes on as it comes; others wait for their end, because only
/// then it shows whether they are JSON.
struct TaggedCallReader: Sendable {
    private enum State { case seekFunction, name, seekParameter, key, seekValue, value, seekClose }

    private let calls: TaggedCalls
    private let nameEnd: [UInt8]
    private let keyEnd: [UInt8]
    private let parameterClose: [UInt8]
    private var state: State
    private var seeker: MarkerSeeker
    /// What was read and has not become part of a call.
    private var raw: [UInt8]
    private var hasCalls = false
    private var word: [UInt8] = []

    private var function = ""
    private var hasParameters = false
    private var kind = ToolSignatures.Kind.either
    /// Of a value: line ends that may be its last, and a possible beginning of its closing tag.
    private var held: [UInt8] = []
    private var isAtStart = true

    init(_ calls: TaggedCalls, raw: [UInt8]) {
        self.calls = calls
        nameEnd = Array(calls.nameEnd.utf8)
        keyEnd = Array(calls.keyEnd.utf8)
        parameterClose = Array(calls.parameterClose.utf8)
        self.raw = raw
        state = calls.functionOpen.isEmpty ? .name : .seekFunction
        seeker = Self.functionSeeker(calls)
    }

    private static func functionSeeker(_ calls: TaggedCalls) -> MarkerSeeker {
        MarkerSeeker([calls.functionOpen, calls.close].filter { !$0.isEmpty })
    }

    mutating func take(_ byte: UInt8, _ out: inout AnswerPieces, _ tools: ToolSignatures) -> CallVerdict {
        switch state {
        case .seekFunction: return seekFunction(byte)
        case .name: return readName(byte, &out)
        case .seekParameter: return seekParameter(byte, &out)
        case .key: return readKey(byte, &out, tools)
        case .seekValue: return seekValue(byte, &out)
        case .value:
            readValue(byte, &out)
            return .more
        case .seekClose:
            switch seeker.take(byte) {
            case .more: return .more
            case .found: return .ended
            case .broken(let bytes): return .refused(content: [], again: bytes)
            }
        }
    }

    mutating func finish(_ out: inout AnswerPieces) -> [UInt8] {
        switch state {
        case .seekFunction: return hasCalls ? [] : raw
        case .name: return raw
        case .seekParameter: closeCall(&out)
        case .key, .seekValue:
            // A parameter without a value.
            closeCall(&out)
        case .value:
            // Cut off: what came of the text, and no more.
            if kind == .text { for byte in held { out.escaped(byte) } } else { out.arguments(word) }
            out.end()
        case .seekClose: break
        }
        return []
    }

    // MARK: - Functions

    private mutating func seekFunction(_ byte: UInt8) -> CallVerdict {
        raw.append(byte)
        switch seeker.take(byte) {
        case .more: return .more
        case .found(0):
            (state, word) = (.name, [])
            return .more
        case .found: return hasCalls ? .ended : .refused(content: raw, again: [])
        case .broken(let bytes):
            if hasCalls { return .refused(content: [], again: bytes) }
            return .refused(content: Array(raw.dropLast()), again: [byte])
        }
    }

    private mutating func readName(_ byte: UInt8, _ out: inout AnswerPieces) -> CallVerdict {
        raw.append(byte)
        if nameEnd.isEmpty {
            // A line's end or the next tag ends the name; line ends before it do not count.
            if byte.isASCIIWhitespace { return word.isEmpty ? .more : nameEnds(&out) }
            if byte == UInt8(ascii: "<") {
                let verdict = nameEnds(&out)
                guard verdict == .more else { return verdict }
                return seekParameter(byte, &out)
            }
        }
        word.append(byte)
        if word.hasSuffix(nameEnd) {
            word.removeLast(nameEnd.count)
            return nameEnds(&out)
        }
        return word.count > CallSyntax.nameBytesMax ? .refused(content: raw, again: []) : .more
    }

    private mutating func nameEnds(_ out: inout AnswerPieces) -> CallVerdict {
        // JSON here is another format, which this model was not expected to write.
        let isName = word.allSatisfy {
            !$0.isASCIIWhitespace && $0 != UInt8(ascii: "{") && $0 != UInt8(ascii: "\"")
        }
        guard !word.isEmpty, isName else { return .refused(content: raw, again: []) }
        out.begin(name: word)
        function = String(decoding: word, as: UTF8.self)
        (raw, hasCalls, hasParameters) = ([], true, false)
        seekNextParameter()
        return .more
    }

    private mutating func seekNextParameter() {
        state = .seekParameter
        // Some models forget to close a function.
        seeker = MarkerSeeker(
            [calls.parameterOpen, calls.functionClose, calls.close].filter { !$0.isEmpty })
    }

    private mutating func seekParameter(_ byte: UInt8, _ out: inout AnswerPieces) -> CallVerdict {
        switch seeker.take(byte) {
        case .more: return .more
        case .found(0):
            (state, word) = (.key, [])
            return .more
        case .found(let number):
            closeCall(&out)
            if number == 2 || calls.close.isEmpty { return .ended }
            if calls.functionOpen.isEmpty {
                (state, seeker) = (.seekClose, MarkerSeeker([calls.close]))
            } else {
                (state, raw, seeker) = (.seekFunction, [], Self.functionSeeker(calls))
            }
            return .more
        case .broken(let bytes):
            closeCall(&out)
            return .refused(content: [], again: bytes)
        }
    }

    private mutating func closeCall(_ out: inout AnswerPieces) {
        out.arguments((hasParameters ? "}" : "{}").utf8)
        out.end()
    }

    // MARK: - Parameters

    private mutating func readKey(_ byte: UInt8, _ out: inout AnswerPieces, _ tools: ToolSignatures)
        -> CallVerdict
    {
        word.append(byte)
        guard word.hasSuffix(keyEnd) else {
            guard word.count > CallSyntax.nameBytesMax else { return .more }
            closeCall(&out)
            return .refused(content: [], again: word)
        }
        word.removeLast(keyEnd.count)
        var stated: ToolSignatures.Kind?
        if calls.statesKind { stated = takeStatedKind() }
        while let last = word.last, last.isASCIIWhitespace { word.removeLast() }
        kind = stated ?? tools.kind(of: String(decoding: word, as: UTF8.self), in: function)
        out.arguments((hasParameters ? ", " : "{").utf8)
        out.quoted(word)
        out.arguments(": ".utf8)
        hasParameters = true
        if calls.valueOpen.isEmpty {
            startValue(&out)
        } else {
            (state, seeker) = (.seekValue, MarkerSeeker([calls.valueOpen]))
        }
        return .more
    }

    /// Takes `" string="true` off a key.
    private mutating func takeStatedKind() -> ToolSignatures.Kind? {
        for (end, kind) in [("\" string=\"true", ToolSignatures.Kind.text), ("\" string=\"false", .json)]
        where word.hasSuffix(Array(end.utf8)) {
            word.removeLast(end.utf8.count)
            return kind
        }
        return nil
    }

    private mutating func seekValue(_ byte: UInt8, _ out: inout AnswerPieces) -> CallVerdict {
        switch seeker.take(byte) {
        case .more: return .more
        case .found:
            startValue(&out)
            return .more
        case .broken(let bytes):
            out.arguments("null".utf8)
            closeCall(&out)
            return .refused(content: [], again: bytes)
        }
    }

    private mutating func startValue(_ out: inout AnswerPieces) {
        (state, word, held, isAtStart) = (.value, [], [], true)
        if kind == .text { out.arguments("\"".utf8) }
    }

    private mutating func readValue(_ byte: UInt8, _ out: inout AnswerPieces) {
        // The line end behind the opening tag belongs to the tag.
        defer { isAtStart = false }
        if isAtStart, byte == UInt8(ascii: "\n") { return }
        held.append(byte)
        if held.hasSuffix(parameterClose) {
            held.removeLast(parameterClose.count)
            // As does the one before the closing tag.
            if held.last == UInt8(ascii: "\n") { held.removeLast() }
            keep(held, &out)
            endValue(&out)
            return
        }
        let kept = heldCount()
        keep(held.dropLast(kept), &out)
        held.removeFirst(held.count - kept)
    }

    /// How many bytes at the end may be a line end and the beginning of the closing tag.
    private func heldCount() -> Int {
        var count = min(held.count, parameterClose.count - 1)
        while count > 0, !held.suffix(count).elementsEqual(parameterClose.prefix(count)) { count -= 1 }
        let before = held.count - count
        return before > 0 && held[before - 1] == UInt8(ascii: "\n") ? count + 1 : count
    }

    private mutating func keep(_ bytes: some Sequence<UInt8>, _ out: inout AnswerPieces) {
        if kind == .text {
            for byte in bytes { out.escaped(byte) }
        } else {
            word.append(contentsOf: bytes)
        }
    }

    private mutating func endValue(_ out: inout AnswerPieces) {
        if kind == .text {
            out.arguments("\"".utf8)
        } else {
            out.arguments(Self.json(word))
        }
        (held, word) = ([], [])
        seekNextParameter()
    }

    /// The text of a value when it is JSON, else the text as a JSON string.
    private static func json(_ text: [UInt8]) -> [UInt8] {
        let trimmed = text.drop { $0.isASCIIWhitespace }.reversed().drop { $0.isASCIIWhitespace }.reversed()
        switch String(decoding: Array(trimmed), as: UTF8.self) {
        // Models that were trained on Python's output write its words.
        case "True": return Array("true".utf8)
        case "False": return Array("false".utf8)
        case "None": return Array("null".utf8)
        default: break
        }
        if (try? JSONValue.parse(Array(trimmed))) != nil { return Array(trimmed) }
        var writer = JSONWriter()
        writer.string(utf8: text)
        return writer.bytes
    }
}
