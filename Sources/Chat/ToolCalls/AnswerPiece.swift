/// What a piece of a model's output turned out to be.
public enum AnswerPiece: Sendable, Equatable {
    /// What the model thought before it answered; UTF-8.
    case reasoning([UInt8])
    /// Text for the reader; UTF-8.
    case content([UInt8])
    /// A call of a function. `id` is the one that the model wrote, where its format has ids.
    case callBegins(name: String, id: String?)
    /// The next bytes of the open call's arguments, as JSON text.
    case arguments([UInt8])
    case callEnds
}

/// Collects pieces; neighbours of one kind become one.
struct AnswerPieces: Sendable {
    private enum Kind { case reasoning, content, arguments }

    private var done: [AnswerPiece] = []
    private var kind = Kind.content
    private var bytes: [UInt8] = []
    /// Calls that began and calls that ended, of the whole answer.
    private(set) var callsBegun = 0
    private(set) var callsEnded = 0

    mutating func reasoning(_ more: some Sequence<UInt8>) { append(more, .reasoning) }
    mutating func content(_ more: some Sequence<UInt8>) { append(more, .content) }
    mutating func arguments(_ more: some Sequence<UInt8>) { append(more, .arguments) }

    /// One byte of a JSON string's contents, escaped where JSON wants it.
    mutating func escaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): arguments(#"\""#.utf8)
        case UInt8(ascii: "\\"): arguments(#"\\"#.utf8)
        case UInt8(ascii: "\n"): arguments(#"\n"#.utf8)
        case UInt8(ascii: "\r"): arguments(#"\r"#.utf8)
        case UInt8(ascii: "\t"): arguments(#"\t"#.utf8)
        case 0..<0x20:
            let digits = Array("0123456789abcdef".utf8)
            arguments(#"\u00"#.utf8)
            arguments([digits[Int(byte >> 4)], digits[Int(byte & 15)]])
        default: arguments(CollectionOfOne(byte))
        }
    }

    /// A whole JSON string.
    mutating func quoted(_ text: some Sequence<UInt8>) {
        arguments("\"".utf8)
        for byte in text { escaped(byte) }
        arguments("\"".utf8)
    }

    mutating func begin(name: some Sequence<UInt8>, id: [UInt8]? = nil) {
        flush()
        let id = id.map { String(decoding: $0, as: UTF8.self) }
        done.append(.callBegins(name: String(decoding: Array(name), as: UTF8.self), id: id))
        callsBegun += 1
    }

    mutating func end() {
        flush()
        done.append(.callEnds)
        callsEnded += 1
    }

    /// What was collected since the last time.
    mutating func take() -> [AnswerPiece] {
        flush()
        defer { done = [] }
        return done
    }

    private mutating func append(_ more: some Sequence<UInt8>, _ kind: Kind) {
        if kind != self.kind { flush() }
        self.kind = kind
        bytes.append(contentsOf: more)
    }

    private mutating func flush() {
        guard !bytes.isEmpty else { return }
        switch kind {
        case .reasoning: done.append(.reasoning(bytes))
        case .content: done.append(.content(bytes))
        case .arguments: done.append(.arguments(bytes))
        }
        bytes = []
    }
}
