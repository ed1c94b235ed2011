/// The reader that a syntax needs.
///
/// Readers get the bytes behind the opening marker and say when they are done. What they were given as `raw` they
/// give back, with all that they read, when no call came of it.
enum CallReader: Sendable {
    case objects(ObjectCallReader)
    case named(NamedCallReader)
    case tagged(TaggedCallReader)
    case pythonic(PythonicCallReader)
    case gemma(GemmaCallReader)
    /// Behind `<|python_tag|>`: an object or a Python call, which the first byte tells.
    case pythonTag(raw: [UInt8])

    init(_ calls: CallSyntax, raw: [UInt8]) {
        switch calls {
        case .objects(let calls):
            var reader = ObjectCallReader(calls, isBare: calls.open.isEmpty, raw: raw)
            if calls.open.isEmpty { reader.enterObject() }
            self = .objects(reader)
        case .named(let calls): self = .named(NamedCallReader(calls, raw: raw))
        case .tagged(let calls): self = .tagged(TaggedCallReader(calls, raw: raw))
        case .pythonic(let calls):
            self = .pythonic(PythonicCallReader(calls, isBare: calls.open.isEmpty, raw: raw))
        case .gemma: self = .gemma(GemmaCallReader(raw: raw))
        case .harmony: preconditionFailure("gpt-oss's answers have a parser of their own")
        }
    }

    init(pythonTag raw: [UInt8]) { self = .pythonTag(raw: raw) }

    /// The text before calls. Bare syntaxes have none: there the first byte of a call has to do, at the start.
    static func open(_ calls: CallSyntax) -> (text: String, isBare: Bool) {
        switch calls {
        case .objects(let calls): calls.open.isEmpty ? ("{", true) : (calls.open, false)
        case .named(let calls): (calls.open, false)
        case .tagged(let calls): (calls.open, false)
        case .pythonic(let calls): calls.open.isEmpty ? ("[", true) : (calls.open, false)
        case .gemma: (GemmaCallReader.open, false)
        case .harmony: preconditionFailure("gpt-oss's answers have a parser of their own")
        }
    }

    mutating func take(_ byte: UInt8, _ out: inout AnswerPieces, _ tools: ToolSignatures) -> CallVerdict {
        switch self {
        case .objects(var reader):
            self = .pythonTag(raw: [])
            defer { self = .objects(reader) }
            return reader.take(byte, &out, tools)
        case .named(var reader):
            self = .pythonTag(raw: [])
            defer { self = .named(reader) }
            return reader.take(byte, &out)
        case .tagged(var reader):
            self = .pythonTag(raw: [])
            defer { self = .tagged(reader) }
            return reader.take(byte, &out, tools)
        case .pythonic(var reader):
            self = .pythonTag(raw: [])
            defer { self = .pythonic(reader) }
            return reader.take(byte, &out, tools)
        case .gemma(var reader):
            self = .pythonTag(raw: [])
            defer { self = .gemma(reader) }
            return reader.take(byte, &out)
        case .pythonTag(var raw):
            if byte.isASCIIWhitespace {
                raw.append(byte)
                self = .pythonTag(raw: raw)
                return .more
            }
            self =
                byte == UInt8(ascii: "{")
                ? .objects(ObjectCallReader(ObjectCalls("", ""), isBare: false, raw: raw))
                : .pythonic(PythonicCallReader(PythonicCalls("", ""), isBare: false, raw: raw))
            return take(byte, &out, tools)
        }
    }

    /// The output is over: what is content after all.
    mutating func finish(_ out: inout AnswerPieces) -> [UInt8] {
        switch self {
        case .objects(var reader): reader.finish(&out)
        case .named(var reader): reader.finish(&out)
        case .tagged(var reader): reader.finish(&out)
        case .pythonic(var reader): reader.finish(&out)
        case .gemma(var reader): reader.finish(&out)
        case .pythonTag(let raw): raw
        }
    }
}
