/// A part of an answer, as clients get it.
enum AnswerPart: Sendable, Equatable {
    /// UTF-8 of text for the reader.
    case content([UInt8])
    /// UTF-8 of what the model thought.
    case reasoning([UInt8])
    /// The answer's call of this index begins.
    case call(index: Int, id: String, name: String)
    /// UTF-8 of the next piece of a call's arguments.
    case arguments(index: Int, [UInt8])
}
