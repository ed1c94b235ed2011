import HTTP
import JSON
import ModelFiles

/// From a request to a running job, for the two routes that generate.
enum GenerationRoutes {
    static func chat(
        _ request: HTTPRequest, _ models: ModelSlot, _ writer: ResponseWriter
    ) async throws(APIError) {
        let chat = try ChatCompletionRequest(request.jsonObject())
        let model = try models.model(named: chat.common.model)
        try model.refuseIfFull(promptParam: "messages")
        let prompt = try ChatPrompt(chat, model)
        let job = try GenerationJob(
            idPrefix: "chatcmpl-", client: request.client, model: model, prompts: [prompt.tokens],
            promptParam: "messages",
            tokensMax: chat.tokensMax, alternatives: chat.wantsLogprobs ? chat.topLogprobs : nil,
            fields: chat.common, reading: prompt.reading)
        let encoder = ChatCompletionEncoder(job, wantsLogprobs: chat.wantsLogprobs)
        var responder = AnswerResponder(job, wantsLogprobs: chat.wantsLogprobs, encoder: encoder)
        try await responder.answer(on: writer)
    }

    static func completion(
        _ request: HTTPRequest, _ models: ModelSlot, _ writer: ResponseWriter
    ) async throws(APIError) {
        let body = try request.jsonObject()
        let vocabularyCount = try models.model().tokenizer.vocabularyCount
        let completion = try CompletionRequest(body, vocabularyCount: vocabularyCount)
        let model = try models.model(named: completion.common.model)
        try model.refuseIfFull(promptParam: "prompt")
        let prompts = completion.prompts.map { prompt in
            switch prompt {
            // A user's text never becomes a special token; BOS is the vocabulary's affair.
            case .text(let text): model.tokenizer.encode(text, addSpecial: true, parseSpecial: false)
            case .tokens(let tokens): tokens
            }
        }
        let job = try GenerationJob(
            idPrefix: "cmpl-", client: request.client, model: model, prompts: prompts, promptParam: "prompt",
            tokensMax: completion.tokensMax, alternatives: completion.logprobs, fields: completion.common)
        let wantsLogprobs = completion.logprobs != nil
        let encoder = CompletionEncoder(job, wantsLogprobs: wantsLogprobs)
        var responder = AnswerResponder(job, wantsLogprobs: wantsLogprobs, encoder: encoder)
        try await responder.answer(on: writer)
    }
}
