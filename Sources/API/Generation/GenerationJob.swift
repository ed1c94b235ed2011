import Engine
import Glibc
import ModelFiles

/// One validated request to generate, on its way to the engine.
struct GenerationJob: Sendable {
    let id: String
    /// Seconds since 1970; the same in every chunk of a stream.
    let created: Int64
    let model: ServedModel
    /// One for each prompt; they differ in the prompt alone.
    let requests: [GenerationRequest]
    let fields: GenerationFields
    /// The request field that holds the prompt, for errors.
    let promptParam: String
    /// How a chat's answers are read; nil for text alone.
    let reading: AnswerReading?

    /// - Parameters:
    ///   - client: Whose API key it came with: users share the work equally.
    ///   - tokensMax: The most tokens of an answer; nil and what exceeds the context mean the rest of it.
    init(
        idPrefix: String, client: String?, model: ServedModel, prompts: [[TokenID]], promptParam: String,
        tokensMax: Int?, alternatives: Int?, fields: GenerationFields, reading: AnswerReading? = nil
    ) throws(APIError) {
        id = idPrefix + RandomName.letters(24)
        self.reading = reading
        created = Int64(time(nil))
        self.model = model
        self.fields = fields
        self.promptParam = promptParam
        let vocabularyCount = model.engine.vocabularyCount
        if let token = fields.sampling.logitBias.keys.first(where: { $0 >= vocabularyCount }) {
            throw .invalid(
                "logit_bias",
                "'logit_bias' has token \(token), but token ids lie between 0 and \(vocabularyCount - 1).",
                code: "invalid_value")
        }
        var requests: [GenerationRequest] = []
        for (index, prompt) in prompts.enumerated() {
            guard !prompt.isEmpty else {
                let param = Self.param(promptParam, index, of: prompts.count)
                throw .invalid(
                    param, "'\(param)' has no tokens, but must have at least one.", code: "invalid_value")
            }
            // Where there is no room for a token, the engine says why.
            let room = max(1, model.engine.contextLength - prompt.count)
            var request = GenerationRequest(prompt: prompt, tokensMax: min(tokensMax ?? room, room))
            request.choiceCount = fields.choiceCount
            request.sampling = fields.sampling
            var ends = model.tokenizer.endOfGeneration
            if reading != nil { ends.formUnion(model.formatTokens.ends) }
            if fields.ignoresEnd { request.bannedTokens = ends } else { request.stopTokens = ends }
            request.wantsLogprobs = alternatives != nil
            request.alternativeCount = alternatives ?? 0
            request.cacheSalt = fields.cacheSalt
            request.usesPrefixCache = fields.usesPrefixCache
            request.priority = fields.priority
            request.timeout = fields.timeout
            request.key = client ?? ""
            requests.append(request)
        }
        self.requests = requests
    }

    /// The request field that holds one of the prompts.
    func param(prompt index: Int) -> String { Self.param(promptParam, index, of: requests.count) }

    private static func param(_ name: String, _ index: Int, of count: Int) -> String {
        count > 1 ? "\(name)[\(index)]" : name
    }
}
