import Engine
import JSON

/// The answers of `POST /v1/completions`: `text_completion`, whole or in chunks of the same shape.
struct CompletionEncoder: AnswerEncoder {
    var extras = AnswerExtras()
    private let job: GenerationJob
    private let logprobs: LogprobsEncoding?
    private let head: ResponseHead
    /// Per prompt: its ids have been sent.
    private var hasSentPrompt: [Bool]
    /// What stands before the answers, per prompt; nil where nothing does.
    private var echoes: [EchoedPrompt]?
    /// Per answer: what stands before it has been sent.
    private var hasSentEcho: [Bool]
    private var promptLogprobs: [PromptLogprobs]?
    private let alternatives: Int

    init(_ job: GenerationJob, wantsLogprobs: Bool) {
        self.job = job
        logprobs = wantsLogprobs ? LogprobsEncoding(tokenizer: job.model.tokenizer) : nil
        head = ResponseHead(id: job.id, object: "text_completion", created: job.created, model: job.model.id)
        hasSentPrompt = Array(repeating: false, count: job.requests.count)
        hasSentEcho = Array(repeating: false, count: job.requests.count * job.fields.choiceCount)
        echoes = job.echoedTexts.map { texts in
            zip(texts, job.requests).map {
                EchoedPrompt(text: $0, prompt: $1.prompt, job.model.tokenizer)
            }
        }
        promptLogprobs = job.fields.promptLogprobs.map { count in
            job.requests.map { _ in PromptLogprobs(count: count) }
        }
        alternatives = job.requests.first?.alternativeCount ?? 0
    }

    mutating func opening(choice: Int, into writer: inout JSONWriter) -> Bool { false }

    mutating func progress(_ progress: PromptProgress, prompt: Int, into writer: inout JSONWriter) {
        writer.removeAll()
        writer.append(raw: head.bytes)
        writer.key("choices")
        writer.beginArray()
        writer.endArray()
        writer.promptProgress(progress, prompt: job.requests.count > 1 ? prompt : nil)
        writer.extras(extras, job.fields)
        writer.endObject()
    }

    mutating func addPrompt(_ prompt: Int, _ tokens: [PromptToken]) {
        echoes?[prompt].add(tokens, alternatives: alternatives)
        promptLogprobs?[prompt].add(tokens)
    }

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
        writer.timings(extras)
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
        let echo = hasSentEcho[choice] ? nil : echoes?[prompt]
        hasSentEcho[choice] = true
        writeChoice(
            choice, (echo?.text ?? []) + text, (echo?.tokens ?? []) + moved(tokens, behind: prompt), end,
            prompt: hasSentPrompt[prompt] ? nil : prompt, isChunk: true, &writer)
        hasSentPrompt[prompt] = true
        writer.endArray()
        writer.extras(extras, job.fields)
        writer.endObject()
    }

    func response(_ answers: [Answer], usage: Usage) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 1024)
        writer.append(raw: head.bytes)
        writer.key("choices")
        writer.beginArray()
        for (index, answer) in answers.enumerated() {
            let prompt = index / job.fields.choiceCount
            let echo = echoes?[prompt]
            writeChoice(
                index, (echo?.text ?? []) + answer.text,
                (echo?.tokens ?? []) + moved(answer.tokens, behind: prompt), answer.end, prompt: prompt,
                isChunk: false, &writer)
        }
        writer.endArray()
        writer.key("usage")
        writer.usage(usage)
        writer.timings(extras)
        writer.endObject()
        return writer.bytes
    }

    /// Places in the answer are places behind what stands before it.
    private func moved(_ tokens: [AnswerToken], behind prompt: Int) -> [AnswerToken] {
        guard let offset = echoes?[prompt].characterCount else { return tokens }
        return tokens.map { token in
            var token = token
            token.characterOffset += offset
            return token
        }
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
        if !isChunk, let prompt, let promptLogprobs {
            writer.key("prompt_logprobs")
            promptLogprobs[prompt].write(job.model.tokenizer, to: &writer)
        }
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
