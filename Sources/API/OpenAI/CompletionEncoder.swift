import JSON

/// The answers of `POST /v1/completions`: `text_completion`, whole or in chunks of the same shape.
struct CompletionEncoder: AnswerEncoder {
    private let job: GenerationJob
    private let logprobs: LogprobsEncoding?
    private let head: ResponseHead
    /// Per prompt: its ids have been sent.
    private var hasSentPrompt: [Bool]

    init(_ job: GenerationJob, wantsLogprobs: Bool) {
        self.job = job
        logprobs = wantsLogprobs ? LogprobsEncoding(tokenizer: job.model.tokenizer) : nil
        head = ResponseHead(id: job.id, object: "text_completion", created: job.created, model: job.model.id)
        hasSentPrompt = Array(repeating: false, count: job.requests.count)
    }

    mutating func opening(choice: Int, into writer: inout JSONWriter) -> Bool { false }

    mutating func chunk(choice: Int, part: AnswerPart, tokens: [AnswerToken], into writer: inout JSONWriter) {
        guard case .content(let text) = part else {
            preconditionFailure("a completion is text alone: nothing else is looked for in it")
        }
        writeChunk(choice, text, tokens, end: nil, &writer)
    }

    mutating func closing(choice: Int, end: AnswerEnd, tokens: [AnswerToken], into writer: inout JSONWriter) {
        writeChunk(choice, [], tokens, end: end, &writer)
    }

    mutating func usage(_ usage: Usage, into writer: inout JSONWriter) {
        writer.removeAll()
        writer.append(raw: head.bytes)
        writer.key("choices")
        writer.beginArray()
        writer.endArray()
        writer.key("usage")
        writer.usage(usage)
        writer.endObject()
    }

    private mutating func writeChunk(
        _ choice: Int, _ text: [UInt8], _ tokens: [AnswerToken], end: AnswerEnd?, _ writer: inout JSONWriter
    ) {
        writer.removeAll()
        writer.append(raw: head.bytes)
        writer.key("choices")
        writer.beginArray()
        let prompt = choice / job.fields.choiceCount
        writeChoice(
            choice, text, tokens, end, prompt: hasSentPrompt[prompt] ? nil : prompt, isChunk: true, &writer)
        hasSentPrompt[prompt] = true
        writer.endArray()
        if job.fields.streamsUsage {
            writer.key("usage")
            writer.null()
        }
        writer.endObject()
    }

    func response(_ answers: [Answer], usage: Usage) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 1024)
        writer.append(raw: head.bytes)
        writer.key("choices")
        writer.beginArray()
        for (index, answer) in answers.enumerated() {
            let prompt = index / job.fields.choiceCount
            writeChoice(
                index, answer.text, answer.tokens, answer.end, prompt: prompt, isChunk: false, &writer)
        }
        writer.endArray()
        writer.key("usage")
        writer.usage(usage)
        writer.endObject()
        return writer.bytes
    }

    /// - Parameter prompt: The prompt whose ids are due with this choice, where the request wants ids.
    private func writeChoice(
        _ index: Int, _ text: [UInt8], _ tokens: [AnswerToken], _ end: AnswerEnd?, prompt: Int?,
        isChunk: Bool,
        _ writer: inout JSONWriter
    ) {
        writer.beginObject()
        writer.key("text")
        writer.string(utf8: text)
        writer.key("index")
        writer.int(index)
        writer.key("logprobs")
        if let logprobs, !isChunk || tokens.contains(where: \.isShown) {
            logprobs.writeLegacy(tokens, to: &writer)
        } else {
            writer.null()
        }
        writer.key("finish_reason")
        writer.optionalString(end?.rawValue)
        if job.fields.returnsTokenIDs {
            writer.key("token_ids")
            writer.tokenIDs(tokens)
            if let prompt {
                writer.key("prompt_token_ids")
                writer.ints(job.requests[prompt].prompt)
            }
        }
        writer.endObject()
    }
}
