import Engine
import JSON

/// One complete answer, for a response that is not streamed.
struct Answer: Sendable {
    var text: [UInt8] = []
    var tokens: [AnswerToken] = []
    var end: AnswerEnd = .length
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
    mutating func chunk(choice: Int, delta: TextDelta, into writer: inout JSONWriter)
    /// The last chunk of an answer. What was held of its text went before.
    mutating func closing(choice: Int, end: AnswerEnd, tokens: [AnswerToken], into writer: inout JSONWriter)
    /// The chunk of usage at the end of a stream.
    mutating func usage(_ usage: Usage, into writer: inout JSONWriter)
    /// The whole response.
    func response(_ answers: [Answer], usage: Usage) -> [UInt8]
}
