import Engine

/// A job that the engine took: its events and its end.
final class RunningGeneration: Sendable {
    let mailbox = EventMailbox()
    /// One for each prompt.
    private let generations: [any Generation]
    private let choicesPerPrompt: Int

    /// Submits every prompt, or none.
    init(_ job: GenerationJob) throws(APIError) {
        choicesPerPrompt = job.fields.generatedCount
        var taken: [any Generation] = []
        for (index, request) in job.requests.enumerated() {
            do throws(AdmissionError) {
                let mailbox = mailbox
                taken.append(
                    try job.model.engine.submit(request) { events in
                        mailbox.post(EventMailbox.Group(prompt: index, events: events))
                    })
            } catch {
                for generation in taken { generation.cancel() }
                throw APIError(error, param: job.param(prompt: index))
            }
        }
        generations = taken
    }

    func cancel() {
        for generation in generations { generation.cancel() }
    }

    func cancel(answer index: Int) {
        generations[index / choicesPerPrompt].cancel(choice: index % choicesPerPrompt)
    }
}

extension APIError {
    /// - Parameter param: What holds the prompt.
    init(_ error: AdmissionError, param: String) {
        switch error {
        case .queueFull(let seconds): self = .queueFull(retryAfterSeconds: seconds)
        case .contextExceeded(let prompt, let context):
            self = .contextExceeded(prompt: prompt, context: context, param: param)
        case .memoryExceeded(let needed, let budget):
            self = .invalid(
                param,
                "The prompt and one token need \(needed) bytes of KV memory, but there are \(budget) in all. "
                    + "Shorten the prompt.",
                code: "memory_exceeded")
        case .stopping: self = .unavailable("The server is stopping.")
        case .invalid(let why): self.init(.badRequest, why, code: "invalid_value")
        }
    }

    static func queueFull(retryAfterSeconds seconds: Int) -> APIError {
        var error = APIError(
            .tooManyRequests, "The queue is full; try again in \(seconds) s.", type: "rate_limit_error",
            code: "rate_limit_exceeded")
        error.retryAfterSeconds = max(1, min(60, seconds))
        return error
    }
}
