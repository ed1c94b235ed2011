import JSON

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
        count("truncated_tokens", usage.truncatedTokens)
        count("dropped_messages", usage.droppedMessages)
        endObject()
        key("completion_tokens_details")
        beginObject()
        key("reasoning_tokens")
        int(usage.reasoningTokens)
        key("accepted_prediction_tokens")
        int(usage.acceptedTokens)
        key("rejected_prediction_tokens")
        int(usage.rejectedTokens)
        count("shifted_tokens", usage.shiftedTokens)
        endObject()
        endObject()
    }

    /// The members of a call.
    mutating func call(_ call: AnswerCall) {
        key("id")
        string(call.id)
        key("type")
        string("function")
        key("function")
        beginObject()
        key("name")
        string(call.name)
        key("arguments")
        string(utf8: call.arguments)
        endObject()
    }

    /// A member that is there only when there is something to say.
    private mutating func count(_ name: StaticString, _ count: Int) {
        guard count > 0 else { return }
        key(name)
        int(count)
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
