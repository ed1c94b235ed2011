import HTTP
import JSON
import ModelFiles

/// From a request to a running job, for the two routes that generate; and what a chat would be read as.
enum GenerationRoutes {
    static func chat(
        _ request: HTTPRequest, _ models: ModelSlot, _ writer: ResponseWriter
    ) async throws(APIError) {
        let prepared = try models.entrance.prepare { () throws(APIError) in
            try responder(toChat: request, models)
        }
        try await prepared.answer(on: writer, models.requests)
    }

    @inline(never)
    private static func responder(
        toChat request: HTTPRequest, _ models: ModelSlot
    ) throws(APIError) -> any Responder {
        let body = try request.jsonObject()
        let model = try models.model(named: RequestFields(body).peek("model")?.string)
        let chat = try ChatCompletionRequest(body, sampling: model.sampling)
        let (prompt, droppedMessages) = try prompt(of: chat, model)
        let job = try GenerationJob(
            .chat, Caller(request), model: model, prompts: [prompt.tokens], promptParam: "messages",
            tokensMax: chat.tokensMax, alternatives: chat.wantsLogprobs ? chat.topLogprobs : nil,
            fields: chat.common, reading: prompt.reading, droppedMessages: droppedMessages)
        let encoder = ChatCompletionEncoder(job, wantsLogprobs: chat.wantsLogprobs)
        return responder(job, wantsLogprobs: chat.wantsLogprobs, encoder)
    }

    /// `POST /v1/chat/completions/input_tokens`: how many tokens the prompt of such a request has.
    static func inputTokens(_ body: JSONObject, _ models: ModelSlot) throws(APIError) -> HTTPResponse {
        let model = try models.model(named: RequestFields(body).peek("model")?.string)
        let chat = try ChatCompletionRequest(body, sampling: model.sampling)
        let tokens = try prompt(of: chat, model).0.tokens
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("object")
        writer.string("response.input_tokens")
        writer.key("input_tokens")
        writer.int(tokens.count)
        writer.endObject()
        return .json(writer.bytes, headers: chat.common.ignored.headers)
    }

    /// The chat as the model reads it, and how many of its messages were left out to make it fit.
    private static func prompt(
        of chat: ChatCompletionRequest, _ model: ServedModel
    ) throws(APIError) -> (ChatPrompt, droppedMessages: Int) {
        guard chat.common.context.overflow == .truncateOldestTurns else {
            return (try ChatPrompt(chat.input, model), 0)
        }
        let context = model.engine.contextLength
        let room = context - ContextFields.reserve(context, chat.tokensMax)
        let turns = ChatTurns(chat.input.messages)
        let count = try turns.fewestDrops { (messages) throws(APIError) in
            try ChatPrompt(chat.input, model, messages: messages).tokens.count <= room
        }
        return (
            try ChatPrompt(chat.input, model, messages: turns.dropping(count)), turns.droppedMessages(count)
        )
    }

    static func completion(
        _ request: HTTPRequest, _ models: ModelSlot, _ writer: ResponseWriter
    ) async throws(APIError) {
        let prepared = try models.entrance.prepare { () throws(APIError) in
            try responder(toCompletion: request, models)
        }
        try await prepared.answer(on: writer, models.requests)
    }

    @inline(never)
    private static func responder(
        toCompletion request: HTTPRequest, _ models: ModelSlot
    ) throws(APIError) -> any Responder {
        let body = try request.jsonObject()
        let model = try models.model(named: RequestFields(body).peek("model")?.string)
        let completion = try CompletionRequest(
            body, vocabularyCount: model.tokenizer.vocabularyCount, sampling: model.sampling)
        let prompts = try completion.promptTokens(model)
        let echoed = completion.echoes ? completion.prompts.map { $0.text(model.tokenizer) } : nil
        let job = try GenerationJob(
            .completion, Caller(request), model: model, prompts: prompts, promptParam: "prompt",
            tokensMax: completion.tokensMax, alternatives: completion.logprobs, echoedTexts: echoed,
            fields: completion.common)
        let wantsLogprobs = completion.logprobs != nil
        let encoder = CompletionEncoder(job, wantsLogprobs: wantsLogprobs)
        return responder(job, wantsLogprobs: wantsLogprobs, encoder)
    }

    private static func responder(
        _ job: GenerationJob, wantsLogprobs: Bool, _ encoder: some AnswerEncoder
    ) -> any Responder {
        if let beams = job.fields.beams { return BeamResponder(job, beams, encoder: encoder) }
        return AnswerResponder(job, wantsLogprobs: wantsLogprobs, encoder: encoder)
    }
}
