import Engine
import JSON

/// One complete answer, for a response that is not streamed.
struct Answer: Sendable {
    /// UTF-8 of its content.
    var text: [UInt8] = []
    /// UTF-8 of what was thought.
    var reasoning: [UInt8] = []
    var calls: [AnswerCall] = []
    var tokens: [AnswerToken] = []
    var end: AnswerEnd = .length
}

/// A call of a function, with all that there is of its arguments.
struct AnswerCall: Sendable, Equatable {
    var id: String
    var name: String
    /// UTF-8 of JSON; as the model wrote it, so it need not be valid.
    var arguments: [UInt8] = []
}

/// Writes the answers of a route: whole, or as the chunks of a stream.
///
/// The chunk functions overwrite `writer` with one JSON object; the caller frames and sends it. What all chunks of
/// a stream have in common is encoded once.
protocol AnswerEncoder {
    /// What chunks and the whole response say beside the answers; the caller keeps it up to date.
    var extras: AnswerExtras { get set }
    /// The chunk that opens an answer before its first token; nil when the route has none.
    mutating func opening(choice: Int, into writer: inout JSONWriter) -> Bool
    /// The next tokens of a prompt, from its second one on, where the job asks for them; before its answers.
    mutating func addPrompt(_ prompt: Int, _ tokens: [PromptToken])
    /// The chunk that tells how far a prompt was read.
    mutating func progress(_ progress: PromptProgress, prompt: Int, into writer: inout JSONWriter)
    /// - Parameter tokens: The tokens that became complete with this part.
    mutating func chunk(choice: Int, part: AnswerPart, tokens: [AnswerToken], into writer: inout JSONWriter)
    /// The last chunk of an answer. What was held of its text went before.
    mutating func closing(choice: Int, end: AnswerEnd, tokens: [AnswerToken], into writer: inout JSONWriter)
    /// The chunk of usage at the end of a stream.
    mutating func usage(_ usage: Usage, into writer: inout JSONWriter)
    /// The whole response.
    func response(_ answers: [Answer], usage: Usage) -> [UInt8]
}
