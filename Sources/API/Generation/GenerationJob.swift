import Engine
import Glibc
import HTTP
import ModelFiles
import Tokenization

/// One validated request to generate, on its way to the engine. Large, and shared by all who work on its answer.
final class GenerationJob: Sendable {
    enum Kind: String {
        case chat = "chat.completion"
        case completion = "text_completion"
        /// Without HTTP.
        case local

        fileprivate var idPrefix: String {
            switch self {
            case .chat: "chatcmpl-"
            case .completion: "cmpl-"
            case .local: "local-"
            }
        }
    }

    let kind: Kind
    let caller: Caller
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
    /// The texts of the prompts, where answers repeat them (`echo`).
    let echoedTexts: [[UInt8]]?
    /// Tokens of the prompts that the request did not want (`truncate_prompt_tokens`).
    let truncatedTokens: Int
    /// Messages of a chat that were left out to make it fit (`context_overflow`).
    let droppedMessages: Int

    /// - Parameters:
    ///   - caller: Users share the work equally.
    ///   - tokensMax: The most tokens of an answer; nil and what exceeds the context mean the rest of it.
    init(
        _ kind: Kind, _ caller: Caller, model: ServedModel, prompts: [[TokenID]], promptParam: String,
        tokensMax: Int?, alternatives: Int?, echoedTexts: [[UInt8]]? = nil, fields: GenerationFields,
        reading: AnswerReading? = nil, droppedMessages: Int = 0
    ) throws(APIError) {
        self.kind = kind
        self.caller = caller
        id = kind.idPrefix + RandomName.letters(24)
        self.reading = reading
        self.droppedMessages = droppedMessages
        created = Int64(time(nil))
        self.model = model
        self.fields = fields
        self.promptParam = promptParam
        let contextLength = model.engine.contextLength
        let whole = prompts
        let prompts = whole.map {
            fields.context.truncated($0, contextLength: contextLength, tokensMax: tokensMax)
        }
        truncatedTokens = zip(whole, prompts).reduce(0) { $0 + $1.0.count - $1.1.count }
        // Of a prompt that is cut only what is read is repeated.
        self.echoedTexts = echoedTexts.map { texts in
            zip(texts, zip(whole, prompts)).map { text, prompt in
                prompt.0.count == prompt.1.count
                    ? text : IncrementalDetokenizer.text(of: prompt.1, model.tokenizer)
            }
        }
        var requests: [GenerationRequest] = []
        for (index, prompt) in prompts.enumerated() {
            guard !prompt.isEmpty else {
                let param = Self.param(promptParam, index, of: prompts.count)
                throw .invalid(
                    param, "'\(param)' has no tokens, but must have at least one.", code: "invalid_value")
            }
            // Where there is no room for a token, the engine says why.
            let room = max(1, contextLength - prompt.count)
            let shifts = fields.context.overflow == .shift
            var request = GenerationRequest(
                prompt: prompt, tokensMax: shifts ? tokensMax ?? room : min(tokensMax ?? room, room))
            request.shiftsContext = shifts
            request.choiceCount = fields.generatedCount
            request.sampling = fields.sampling
            var ends = model.tokenizer.endOfGeneration
            if reading != nil { ends.formUnion(model.formatTokens.ends) }
            if fields.ignoresEnd { request.bannedTokens = ends } else { request.stopTokens = ends }
            try fields.tokens.apply(to: &request, model)
            request.tokensMin = fields.tokensMin
            request.reportsStopToken = fields.includesStop
            request.reportsSampledDistribution = fields.reportsSampledDistribution
            // Who echoes the prompt with log-probabilities wants those of the prompt too.
            request.promptAlternatives = [fields.promptLogprobs, echoedTexts == nil ? nil : alternatives]
                .compactMap { $0 }.max()
            request.wantsLogprobs = alternatives != nil || fields.bestOf != nil
            request.alternativeCount = alternatives ?? 0
            request.wantsProgress = fields.returnsProgress
            request.cacheSalt = fields.cacheSalt
            request.usesPrefixCache = fields.usesPrefixCache
            request.priority = fields.urgency.priority
            request.timeout = fields.urgency.timeout
            request.key = caller.client ?? ""
            requests.append(request)
        }
        self.requests = requests
    }

    /// - Parameter cancel: See `RegisteredRequest`.
    func registered(cancel: @escaping @Sendable () -> Void) -> RegisteredRequest {
        RegisteredRequest(
            id: id, caller: caller, kind: kind.rawValue, model: model.id, created: created,
            promptTokens: requests.reduce(0) { $0 + $1.prompt.count }, cancel: cancel)
    }

    /// Of its answer.
    var headers: HTTPFields { fields.ignored.headers }

    /// The request field that holds one of the prompts.
    func param(prompt index: Int) -> String { Self.param(promptParam, index, of: requests.count) }

    private static func param(_ name: String, _ index: Int, of count: Int) -> String {
        count > 1 ? "\(name)[\(index)]" : name
    }
}
