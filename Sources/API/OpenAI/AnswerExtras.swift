import JSON

/// What chunks and responses say beside the answers, where the request asks for it.
struct AnswerExtras: Sendable {
    var usage: Usage?
    var timings: AnswerTimings?
}

extension JSONWriter {
    /// The members behind the choices of a chunk.
    mutating func extras(_ extras: AnswerExtras, _ fields: GenerationFields) {
        if let usage = extras.usage {
            key("usage")
            self.usage(usage)
        } else if fields.streamsUsage {
            key("usage")
            null()
        }
        timings(extras)
    }

    /// llama-server's `timings`.
    mutating func timings(_ extras: AnswerExtras) {
        guard let timings = extras.timings else { return }
        key("timings")
        beginObject()
        key("cache_n")
        int(timings.cachedTokens)
        rate("prompt", timings.promptTokens, timings.promptMilliseconds)
        rate("predicted", timings.answerTokens, timings.answerMilliseconds)
        key("draft_n")
        int(timings.draftedTokens)
        key("draft_n_accepted")
        int(timings.acceptedTokens)
        endObject()
    }

    /// Tokens and milliseconds, and each by the other; 0 where that would be no number.
    private mutating func rate(_ name: String, _ tokens: Int, _ milliseconds: Double) {
        key(named: name + "_n")
        int(tokens)
        key(named: name + "_ms")
        number(milliseconds)
        key(named: name + "_per_token_ms")
        number(tokens > 0 ? milliseconds / Double(tokens) : 0)
        key(named: name + "_per_second")
        number(milliseconds > 0 ? Double(tokens) / milliseconds * 1e3 : 0)
    }

    /// llama-server's `prompt_progress`; of several prompts the number too.
    mutating func promptProgress(_ progress: PromptProgress, prompt: Int?) {
        key("prompt_progress")
        beginObject()
        if let prompt {
            key("prompt")
            int(prompt)
        }
        key("total")
        int(progress.total)
        key("cache")
        int(progress.cached)
        key("processed")
        int(progress.processed)
        key("time_ms")
        number(progress.milliseconds)
        endObject()
    }
}
