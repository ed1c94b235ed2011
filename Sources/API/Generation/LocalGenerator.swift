import Engine
import JSON
import ModelFiles

/// Generates in this process, without HTTP: what `apus complete` and `apus chat` stand on.
public struct LocalGenerator: Sendable {
    public struct Options: Sendable {
        /// Nil leaves it to the context.
        public var tokensMax: Int?
        public var sampling = SamplingParameters()
        public var stops: [String] = []

        public init() {}
    }

    public struct Outcome: Sendable, Equatable {
        public var text: [UInt8] = []
        /// The task was cancelled before the answer's end.
        public var isCancelled = false
        public var promptTokens = 0
        public var completionTokens = 0
    }

    private let model: ServedModel

    public init(_ model: ServedModel) {
        self.model = model
    }

    /// Continues a text. Cancelling the task ends the answer early.
    ///
    /// - Parameter show: Gets whole UTF-8 characters as they come.
    public func complete(
        _ prompt: String, _ options: Options, show: ([UInt8]) -> Void
    ) async throws(APIError) -> Outcome {
        let tokens = model.tokenizer.encode(prompt, addSpecial: true, parseSpecial: false)
        return try await generate(tokens, promptParam: "prompt", options, show: show)
    }

    /// Answers a chat: `{"role", "content"}` objects. Cancelling the task ends the answer early.
    public func chat(
        _ messages: [JSONValue], _ options: Options, show: ([UInt8]) -> Void
    ) async throws(APIError) -> Outcome {
        let segments = try model.render(messages, addGenerationPrompt: true, extra: JSONObject())
        return try await generate(model.tokens(of: segments), promptParam: "messages", options, show: show)
    }

    private func generate(
        _ prompt: [TokenID], promptParam: String, _ options: Options, show: ([UInt8]) -> Void
    ) async throws(APIError) -> Outcome {
        var fields = GenerationFields()
        fields.sampling = options.sampling
        fields.stops = options.stops.map { Array($0.utf8) }
        let job = try GenerationJob(
            .local, Caller(), model: model, prompts: [prompt], promptParam: promptParam,
            tokensMax: options.tokensMax, alternatives: nil, fields: fields)
        let running = try RunningGeneration(job)
        var answers = AnswerSet(job)
        var outcome = Outcome()
        var groups: [EventMailbox.Group] = []
        while !answers.isComplete && !outcome.isCancelled {
            await withTaskCancellationHandler {
                await running.mailbox.next(&groups)
            } onCancel: {
                running.cancel()
            }
            var events: [AnswerEvent] = []
            for group in groups { answers.take(group, into: &events) }
            for event in events {
                switch event {
                case .admitted, .prompt, .progress: break
                case .delta(_, let delta): outcome.add(delta, show)
                case .finished(_, _, let delta):
                    outcome.add(delta, show)
                    if delta.isStopped { running.cancel() }
                case .failed(let why): throw .internalFailure(why)
                case .timedOut: throw .deadlineExceeded
                case .cancelled: outcome.isCancelled = true
                }
            }
        }
        outcome.promptTokens = answers.usage.promptTokens
        outcome.completionTokens = answers.usage.completionTokens
        return outcome
    }
}

extension LocalGenerator.Outcome {
    fileprivate mutating func add(_ delta: TextDelta, _ show: ([UInt8]) -> Void) {
        guard !delta.text.isEmpty else { return }
        text += delta.text
        show(delta.text)
    }
}
