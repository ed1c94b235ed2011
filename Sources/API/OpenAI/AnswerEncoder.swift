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
    /// The chunk that opens an answer before its first token; nil when the route has none.
    mutating func opening(choice: Int, into writer: inout JSONWriter) -> Bool
    mutating func chunk(choice: Int, delta: TextDelta, into writer: inout JSONWriter)
    /// The last chunk of an answer. What was held of its text went before.
    mutating func closing(choice: Int, end: AnswerEnd, tokens: [AnswerToken], into writer: inout JSONWriter)
    /// The chunk of usage at the end of a stream.
    mutating func usage(_ usage: Usage, into writer: inout JSONWriter)
    /// The whole response.
    func response(_ answers: [Answer], usage: Usage) -> [UInt8]
}

/// The members that begin every response and every chunk, as one open JSON object without its end.
struct ResponseHead {
    let bytes: [UInt8]

    init(id: String, object: String, created: Int64, model: String) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("id")
        writer.string(id)
        writer.key("object")
        writer.string(object)
        writer.key("created")
        writer.int(created)
        writer.key("model")
        writer.string(model)
        writer.key("system_fingerprint")
        writer.string("apus-" + APIVersion.current)
        bytes = writer.bytes
    }
}

/// The version that answers carry; `apus --version` prints the same.
public enum APIVersion {
    public static let current = "0.1.0"
}

extension JSONWriter {
    mutating func usage(_ usage: Usage) {
        beginObject()
        key("prompt_tokens")
        int(usage.promptTokens)
        key("completion_tokens")
        int(usage.completionTokens)
        key("total_tokens")
        int(usage.promptTokens + usage.completionTokens)
        key("prompt_tokens_details")
        beginObject()
        key("cached_tokens")
        int(usage.cachedTokens)
        endObject()
        endObject()
    }

    mutating func tokenIDs(_ tokens: [AnswerToken]) {
        beginArray()
        for token in tokens { int(token.token) }
        endArray()
    }

    mutating func ints(_ values: [some FixedWidthInteger]) {
        beginArray()
        for value in values { int(value) }
        endArray()
    }

    /// A log-probability. Minus infinity has no JSON; clients know -9999 from OpenAI.
    mutating func logprob(_ value: Float?) {
        if let value, value.isFinite { number(value) } else { number(-9999.0 as Float) }
    }
}
