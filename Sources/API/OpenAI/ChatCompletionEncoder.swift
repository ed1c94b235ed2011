import Engine
import JSON

/// The answers of `POST /v1/chat/completions`: `chat.completion` and `chat.completion.chunk`.
struct ChatCompletionEncoder: AnswerEncoder {
    var extras = AnswerExtras()
    private let job: GenerationJob
    private let logprobs: LogprobsEncoding?
    private let chunkHead: ResponseHead
    private var hasSentPrompt = false
    private var promptLogprobs: PromptLogprobs?

    init(_ job: GenerationJob, wantsLogprobs: Bool) {
        self.job = job
        logprobs = wantsLogprobs ? LogprobsEncoding(tokenizer: job.model.tokenizer) : nil
        promptLogprobs = job.fields.promptLogprobs.map { PromptLogprobs(count: $0) }
        chunkHead = ResponseHead(
            id: job.id, object: "chat.completion.chunk", created: job.created, model: job.model.id)
    }

    mutating func opening(choice: Int, into writer: inout JSONWriter) -> Bool {
        beginChunk(choice, &writer)
        writer.key("role")
        writer.string("assistant")
        writer.key("content")
        writer.string("")
        endChunk(nil, tokens: [], logprobsOf: [], &writer)
        return true
    }

    mutating func progress(_ progress: PromptProgress, prompt: Int, into writer: inout JSONWriter) {
        writer.removeAll()
        writer.append(raw: chunkHead.bytes)
        writer.key("choices")
        writer.beginArray()
        writer.endArray()
        writer.promptProgress(progress, prompt: job.requests.count > 1 ? prompt : nil)
        writer.extras(extras, job.fields)
        writer.endObject()
    }

    mutating func addPrompt(_ prompt: Int, _ tokens: [PromptToken]) { promptLogprobs?.add(tokens) }

    mutating func chunk(choice: Int, part: AnswerPart, tokens: [AnswerToken], into writer: inout JSONWriter) {
        beginChunk(choice, &writer)
        switch part {
        case .content(let text):
            writer.key("content")
            writer.string(utf8: text)
        case .reasoning(let text):
            writer.key("reasoning_content")
            writer.string(utf8: text)
        case .call(let index, let id, let name):
            writer.key("tool_calls")
            writer.beginArray()
            writer.beginObject()
            writer.key("index")
            writer.int(index)
            writer.call(AnswerCall(id: id, name: name))
            writer.endObject()
            writer.endArray()
        case .arguments(let index, let text):
            writer.key("tool_calls")
            writer.beginArray()
            writer.beginObject()
            writer.key("index")
            writer.int(index)
            writer.key("function")
            writer.beginObject()
            writer.key("arguments")
            writer.string(utf8: text)
            writer.endObject()
            writer.endObject()
            writer.endArray()
        }
        endChunk(nil, tokens: tokens, logprobsOf: tokens, &writer)
    }

    mutating func closing(choice: Int, end: AnswerEnd, tokens: [AnswerToken], into writer: inout JSONWriter) {
        beginChunk(choice, &writer)
        endChunk(end, tokens: tokens, logprobsOf: [], &writer)
    }

    mutating func usage(_ usage: Usage, into writer: inout JSONWriter) {
        writer.removeAll()
        writer.append(raw: chunkHead.bytes)
        writer.key("choices")
        writer.beginArray()
        writer.endArray()
        writer.key("usage")
        writer.usage(usage)
        writer.timings(extras)
        writer.endObject()
    }

    private mutating func beginChunk(_ choice: Int, _ writer: inout JSONWriter) {
        writer.removeAll()
        writer.append(raw: chunkHead.bytes)
        if job.fields.returnsTokenIDs, !hasSentPrompt, let prompt = job.requests.first?.prompt {
            writer.key("prompt_token_ids")
            writer.ints(prompt)
            hasSentPrompt = true
        }
        writer.key("choices")
        writer.beginArray()
        writer.beginObject()
        writer.key("index")
        writer.int(choice)
        writer.key("delta")
        writer.beginObject()
    }

    private func endChunk(
        _ end: AnswerEnd?, tokens: [AnswerToken], logprobsOf shown: [AnswerToken], _ writer: inout JSONWriter
    ) {
        writer.endObject()
        writer.key("logprobs")
        if let logprobs, shown.contains(where: \.isShown) {
            logprobs.writeChat(shown, to: &writer)
        } else {
            writer.null()
        }
        writer.key("finish_reason")
        writer.optionalString(end?.rawValue)
        if job.fields.returnsTokenIDs {
            writer.key("token_ids")
            writer.tokenIDs(tokens)
        }
        writer.endObject()
        writer.endArray()
        writer.extras(extras, job.fields)
        writer.endObject()
    }

    func response(_ answers: [Answer], usage: Usage) -> [UInt8] {
        let head = ResponseHead(
            id: job.id, object: "chat.completion", created: job.created, model: job.model.id)
        var writer = JSONWriter(reservingCapacity: 1024)
        writer.append(raw: head.bytes)
        if job.fields.returnsTokenIDs, let prompt = job.requests.first?.prompt {
            writer.key("prompt_token_ids")
            writer.ints(prompt)
        }
        if let promptLogprobs {
            writer.key("prompt_logprobs")
            promptLogprobs.write(job.model.tokenizer, to: &writer)
        }
        writer.key("choices")
        writer.beginArray()
        for (index, answer) in answers.enumerated() { writeChoice(index, answer, &writer) }
        writer.endArray()
        writer.key("usage")
        writer.usage(usage)
        writer.timings(extras)
        writer.endObject()
        return writer.bytes
    }

    private func writeChoice(_ index: Int, _ answer: Answer, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("index")
        writer.int(index)
        writer.key("message")
        writer.beginObject()
        writer.key("role")
        writer.string("assistant")
        writer.key("content")
        // Beside calls, no text is no content.
        if answer.text.isEmpty && !answer.calls.isEmpty {
            writer.null()
        } else {
            writer.string(utf8: answer.text)
        }
        if !answer.reasoning.isEmpty {
            writer.key("reasoning_content")
            writer.string(utf8: answer.reasoning)
        }
        writer.key("refusal")
        writer.null()
        if !answer.calls.isEmpty {
            writer.key("tool_calls")
            writer.beginArray()
            for call in answer.calls {
                writer.beginObject()
                writer.call(call)
                writer.endObject()
            }
            writer.endArray()
        }
        writer.endObject()
        writer.key("logprobs")
        if let logprobs { logprobs.writeChat(answer.tokens, to: &writer) } else { writer.null() }
        writer.key("finish_reason")
        writer.string(answer.end.rawValue)
        if job.fields.returnsTokenIDs {
            writer.key("token_ids")
            writer.tokenIDs(answer.tokens)
        }
        writer.endObject()
    }
}
