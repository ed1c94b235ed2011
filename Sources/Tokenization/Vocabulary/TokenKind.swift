/// The type of a token, numbered as in GGUF's `tokenizer.ggml.token_type`.
enum TokenKind: UInt8, Sendable {
    case undefined = 0
    case normal = 1
    case unknown = 2
    /// Never comes out of a user's text, and has no text of its own in an answer.
    case control = 3
    /// Found in any text before everything else, and literally.
    case userDefined = 4
    case unused = 5
    /// One byte that no other token covers, written <0xXX>.
    case byte = 6

    /// GGUF's number; numbers that the format does not know count as undefined.
    init(number: Int64) {
        self = UInt8(exactly: number).flatMap(TokenKind.init(rawValue:)) ?? .undefined
    }

    /// Whether the token can come out of ordinary text. Control tokens, the unknown token and byte tokens
    /// have a text too, but a user who types it means the text.
    var isOrdinary: Bool {
        switch self {
        case .normal, .userDefined, .unused, .undefined: true
        case .control, .unknown, .byte: false
        }
    }
}
